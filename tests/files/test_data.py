"""Input data files: streaming, and every way in which they may be wrong."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from npusim.errors import InputError
from npusim.files.data import DTYPES, open_data, save_data

IMAGES = np.arange(7 * 4 * 4 * 3, dtype=np.uint8).reshape(7, 4, 4, 3)
LABELS = np.arange(7, dtype=np.int16)

SUFFIXES = pytest.mark.parametrize("suffix", [".h5", ".npz"])


def write(path: Path, **arrays: Any) -> Path:
    """With the plain libraries, which write what `save_data` would not."""
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                chunked = np.size(array) > 0 and np.ndim(array) > 0 and np.asarray(array).dtype.kind in "iuf"
                file.create_dataset(name, data=array, compression="gzip" if chunked else None)
    return path


@SUFFIXES
@pytest.mark.parametrize("name", ["images", "inputs", "features"])
def test_reading(tmp_path: Path, suffix: str, name: str) -> None:
    path = write(
        tmp_path / f"x{suffix}", **{name: IMAGES, "labels": LABELS, "synset": np.array([b"a", b"b"])}
    )
    with open_data(path) as data:
        assert (data.name, data.shape, data.dtype.name, len(data)) == (name, IMAGES.shape, "uint8", 7)
        assert data.labels is not None
        assert data.labels.dtype == np.int64
        assert np.array_equal(data.labels, LABELS)
        batches = list(data.batches(3))
        assert [len(batch) for batch in batches] == [3, 3, 1]
        assert np.array_equal(np.concatenate(batches), IMAGES)
        assert np.array_equal(data.read(2, 5), IMAGES[2:5])
        assert np.array_equal(data.read(), IMAGES)
        for start, stop in [(0, 8), (3, 3), (-1, 2)]:
            with pytest.raises(InputError, match="no such samples"):
                data.read(start, stop)
        with pytest.raises(InputError, match="positive"):
            next(data.batches(0))


@SUFFIXES
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_types_and_byte_orders(tmp_path: Path, suffix: str, dtype: str, order: Any) -> None:
    array = np.arange(6).reshape(3, 2).astype(np.dtype(dtype).newbyteorder(order))
    with open_data(write(tmp_path / f"x{suffix}", inputs=array)) as data:
        assert data.labels is None
        assert data.read().dtype == np.dtype(dtype)
        assert np.array_equal(data.read(), array)


@SUFFIXES
def test_saving_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    save_data(path, {"images": IMAGES, "labels": LABELS})
    first = path.read_bytes()
    save_data(path, {"labels": LABELS.astype(">i2"), "images": np.asfortranarray(IMAGES)})
    assert path.read_bytes() == first
    with open_data(path) as data:
        assert np.array_equal(data.read(), IMAGES)
        assert data.labels is not None


def test_npz_members_carry_no_time(tmp_path: Path) -> None:
    save_data(tmp_path / "x.npz", {"images": IMAGES})
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        assert [member.date_time[0] for member in archive.infolist()] == [1980]


def test_fortran_order_npz(tmp_path: Path) -> None:
    with open_data(write(tmp_path / "x.npz", images=np.asfortranarray(IMAGES))) as data:
        assert np.array_equal(data.read(), IMAGES)


@pytest.mark.parametrize("name", ["x.txt", "x"])
def test_saving_to_other_kinds_of_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="unknown kind of file"):
        save_data(tmp_path / name, {"images": IMAGES})


@SUFFIXES
def test_saving_what_no_data_file_holds(tmp_path: Path, suffix: str) -> None:
    for arrays in ({"images": np.array([True])}, {"../x": IMAGES}, {"images": np.array([None])}):
        with pytest.raises(InputError):
            save_data(tmp_path / f"x{suffix}", arrays)
    assert list(tmp_path.iterdir()) == []


NOT_A_NUMBER = np.zeros((5, 2), np.float32)
NOT_A_NUMBER[3, 1] = np.nan

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"labels": LABELS}, "no input array"),
    "two": ({"images": IMAGES, "inputs": IMAGES}, "more than one input array"),
    "no samples": ({"images": np.zeros((0, 4, 4, 3), np.uint8)}, "no samples"),
    "empty axis": ({"images": np.zeros((2, 0), np.uint8)}, "no samples"),
    "vector": ({"images": np.zeros(4)}, "wrong shape"),
    "bool": ({"images": np.ones((2, 2), bool)}, "type|numbers"),
    "complex": ({"images": np.ones((2, 2), complex)}, "type|numbers"),
    "half": ({"images": np.ones((2, 2), np.float16)}, "type|numbers"),
    "unsigned": ({"images": np.ones((2, 2), np.uint32)}, "wrong element type"),
    "strings": ({"images": np.array([[b"a"]])}, "type|numbers"),
    "nan": ({"images": NOT_A_NUMBER}, r"not finite at index \[3, 1\]"),
    "few labels": ({"images": IMAGES, "labels": LABELS[:6]}, "wrong shape"),
    "label matrix": ({"images": IMAGES, "labels": LABELS[:, None]}, "wrong shape"),
    "float labels": ({"images": IMAGES, "labels": LABELS.astype(np.float32)}, "wrong element type"),
    "huge label": ({"images": IMAGES, "labels": np.full(7, 2**63, np.uint64)}, "beyond int64"),
}


@SUFFIXES
@pytest.mark.parametrize("case", BAD)
def test_bad_content(tmp_path: Path, suffix: str, case: str) -> None:
    arrays, problem = BAD[case]
    path = write(tmp_path / f"x{suffix}", **arrays)
    with pytest.raises(InputError, match=problem) as caught, open_data(path) as data:
        for _ in data.batches(2):
            pass
    assert caught.value.file == str(path)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("unpickled",))

    np.savez(tmp_path / "x.npz", images=np.array([[Trap()]]))
    with pytest.raises(InputError, match="wrong element type"):
        open_data(tmp_path / "x.npz")


@SUFFIXES
def test_truncated_files(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"x{suffix}", images=IMAGES, labels=LABELS)
    content = path.read_bytes()
    for size in range(0, len(content), len(content) // 40):
        path.write_bytes(content[:size])
        with pytest.raises(InputError), open_data(path) as data:
            data.read()


def npy(shape: str, payload: bytes = b"", dtype: str = "|u1") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (npy("(1099511627776, 8)"), "size differs"),
        (npy("(-1, 8)"), "wrong shape"),
        (npy("(2, 8)", bytes(15)), "size differs"),
        (npy("(2, 8)", bytes(17)), "size differs"),
        (npy("(" + "1, " * 9 + ")", bytes(1)), "wrong shape"),
        (npy("(2, 'a')"), "damaged"),
        (npy("((" * 200 + "))" * 200), "damaged"),
        (npy("(2, 2)", bytes(4), "|O"), "wrong element type"),
        (npy("(2, 2)", bytes(4), "nonsense"), "damaged"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "npy version"),
        (b"not an array", "damaged"),
        (b"", "damaged"),
        (npy(f"(1, {1 << 24})", bytes(1 << 24)), None),
    ],
)
def test_hostile_members(tmp_path: Path, member: bytes, problem: str | None) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", member)
    if problem is None:  # zeros pack well, and are no bomb
        with open_data(path) as data:
            assert not data.read().any()
        return
    with pytest.raises(InputError, match=problem) as caught, open_data(path) as data:
        data.read()
    assert (caught.value.file, caught.value.key) == (str(path), "images")


def test_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", npy("(1, 1000)", bytes(1000)))
    content = path.read_bytes()
    real = struct.pack("<I", len(npy("(1, 1000)")) + 1000)
    path.write_bytes(content.replace(real, struct.pack("<I", (1 << 30) + len(npy("(1, 1000)")))))
    with pytest.raises(InputError), open_data(path) as data:
        data.read()
    forged = npy("(1, 1073741824)")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", forged)
    lie = struct.pack("<I", len(forged) + (1 << 30))
    path.write_bytes(buffer.getvalue().replace(struct.pack("<I", len(forged)), lie))
    with pytest.raises(InputError, match="does not hold"):
        open_data(path)


def test_other_compressions_and_twins(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("images.npy", npy("(2, 2)", bytes(4)))
    with pytest.raises(InputError, match="unknown compression"):
        open_data(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", npy("(2, 2)", bytes(4)))
        archive.writestr("images", npy("(2, 2)", bytes(4)))
    with pytest.raises(InputError, match="twice"):
        open_data(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06", b"text", b"\x89HDF\r\n\x1a\n"])
def test_files_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_data(path)
    assert caught.value.file == str(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not found"):
        open_data(tmp_path / "none.h5")
    with pytest.raises(InputError, match="folder"):
        open_data(tmp_path)


def test_flipped_bytes_in_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save_data(path, {"images": IMAGES[:2], "labels": LABELS[:2]})
    content = path.read_bytes()
    generator = np.random.default_rng(1)
    for position in generator.integers(len(content), size=400):
        mutated = bytearray(content)
        mutated[position] ^= int(generator.integers(1, 256))
        path.write_bytes(mutated)
        try:
            with open_data(path) as data:
                images: npt.NDArray[Any] = data.read()
        except InputError:
            continue
        assert np.array_equal(images, IMAGES[:2])


def test_real_samples() -> None:
    folder = Path(os.environ.get("NPUSIM_ZOO", "")) / "data"
    files = sorted(folder.glob("*.h5")) if "NPUSIM_ZOO" in os.environ else []
    if not files:
        pytest.skip("NPUSIM_ZOO names no folder with data")
    for path in files:
        with open_data(path) as data:
            assert len(next(data.batches(2))) == min(2, len(data))
            assert data.labels is None or len(data.labels) == len(data)
