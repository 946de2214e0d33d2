"""HDF5 round trips, and every way in which a file may be wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from npusim.errors import InputError
from npusim.files.digest import array_digest
from npusim.files.hdf5_file import ArrayReader, write_arrays
from npusim.files.hdf5_names import DTYPES

Arrays = dict[str, npt.NDArray[Any]]

ARRAYS: Arrays = {
    "steps/conv1/weights": np.arange(24, dtype=np.int8).reshape(2, 3, 4),
    "steps/conv1/bias": np.arange(5, dtype=np.int64) - 2,
    "scale": np.array([0.1, -0.0, 1e-40], dtype=np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arrays.h5"


def read(path: Path, name: str, **expected: Any) -> npt.NDArray[Any]:
    with ArrayReader(path) as reader:
        return reader.read(name, **expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.from_regex(r"[a-c]{1,2}_(/[a-c]_)?/x", fullmatch=True),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: nst.arrays(dtype, nst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
        ),
        max_size=4,
    )
)
def test_round_trip(path: Path, arrays: Arrays) -> None:
    write_arrays(path, arrays)
    with ArrayReader(path) as reader:
        assert reader.names() == sorted(arrays)
        for name, array in arrays.items():
            back = reader.read(name, array.shape, array.dtype.name, array_digest(array))
            assert back.tobytes() == array.tobytes()
            assert (back.shape, back.dtype) == (array.shape, array.dtype)
            assert (reader.shape(name), reader.dtype(name)) == (array.shape, array.dtype)


def test_same_arrays_same_bytes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_arrays(path, ARRAYS)
    first = path.read_bytes()
    time.sleep(1.1)  # a timestamp in the file would tick
    swapped = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in reversed(ARRAYS.items())}
    write_arrays(path, {name: np.asfortranarray(array) for name, array in swapped.items()})
    assert path.read_bytes() == first


def test_rows(path: Path) -> None:
    array = np.arange(60).reshape(10, 3, 2)
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "x", data=array, chunks=(4, 3, 1), compression="gzip", shuffle=True, fletcher32=True
        )
        file["scalar"] = 3
    with ArrayReader(path) as reader:
        assert np.array_equal(reader.read_rows("x", 3, 9), array[3:9])
        assert reader.read_rows("x", 10, 10).shape == (0, 3, 2)
        for start, stop in [(-1, 2), (5, 4), (0, 11)]:
            with pytest.raises(InputError, match="no such rows"):
                reader.read_rows("x", start, stop)
        with pytest.raises(InputError, match="no such rows"):
            reader.read_rows("scalar", 0, 1)


def test_big_endian_files_are_read(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(5, dtype=">i2")
    assert np.array_equal(read(path, "x", dtype="int16"), np.arange(5))
    assert read(path, "x").dtype.str == "<i2"


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"shape": (2, 12)}, "wrong shape; found \\[2, 3, 4\\]; allowed: \\[2, 12\\]"),
        ({"shape": (24,)}, "wrong shape"),
        ({"shape": (2**40,)}, "wrong shape"),
        ({"dtype": "uint8"}, "wrong element type"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"max_bytes": 23}, "too large"),
    ],
)
def test_expectations(path: Path, expected: dict[str, Any], problem: str) -> None:
    write_arrays(path, ARRAYS)
    with pytest.raises(InputError, match=problem) as caught:
        read(path, "steps/conv1/weights", **expected)
    assert caught.value.file == str(path)
    assert caught.value.key == "steps/conv1/weights"


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "steps",
        "scale/x",
        "steps/none",
        "",
        "/scale",
        "scale/",
        "steps/../scale",
        ".",
        "a\0b",
        "x" * 2000,
    ],
)
def test_names_that_are_no_array(path: Path, name: str) -> None:
    write_arrays(path, ARRAYS)
    with pytest.raises(InputError, match="array"):
        read(path, name)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": np.array([True])}, "wrong element type; found 'bool'"),
        ({"x": np.array(["a"])}, "wrong element type"),
        ({"x": np.array([None])}, "wrong element type"),
        ({"x": np.array([1j])}, "wrong element type"),
        ({"x": np.zeros(1, np.float16)}, "wrong element type"),
        ({"../x": np.zeros(1)}, "not an array name"),
        ({"/x": np.zeros(1)}, "not an array name"),
        ({"x": np.zeros(1), "x/y": np.zeros(1)}, "cannot be written"),
    ],
)
def test_unwritable_arrays(path: Path, arrays: Arrays, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        write_arrays(path, arrays)
    assert list(path.parent.iterdir()) == []


def hostile(file: h5py.File, folder: Path) -> None:
    """One of everything the reader refuses."""
    write_arrays(folder / "other.h5", {"x": np.arange(5)})
    file["real"] = np.arange(5)
    file["group/x"] = np.arange(3)
    file["soft"] = h5py.SoftLink("/real")
    file["external"] = h5py.ExternalLink(str(folder / "other.h5"), "x")
    file["linked"] = h5py.SoftLink("/group")
    layout = h5py.VirtualLayout((5,), "i8")
    layout[:] = h5py.VirtualSource(folder / "other.h5", "x", (5,))
    file.create_virtual_dataset("virtual", layout)
    file.create_dataset("elsewhere", shape=(10,), dtype="i4", external=[(str(folder / "other.h5"), 0, 40)])
    file.create_dataset("lzf", data=np.arange(100), compression="lzf")
    file.create_dataset("scaleoffset", data=np.arange(100), scaleoffset=3)
    file["strings"] = np.array([b"a", b"bb"])
    file["texts"] = ["a", "bb"]
    file["compound"] = np.zeros(3, dtype=[("a", "i4")])
    file["bool"] = np.array([True])
    file["complex"] = np.ones(2, complex)
    file["half"] = np.ones(2, np.float16)
    file["enum"] = np.zeros(2, dtype=h5py.enum_dtype({"a": 1}, basetype="i4"))
    file["reference"] = np.array([file["real"].ref], dtype=h5py.ref_dtype)
    file["type"] = np.dtype("i4")
    file["null"] = h5py.Empty("f4")
    file["ranks"] = np.zeros((1,) * 9)
    file.create_dataset("bomb", shape=(2**40,), dtype="f8")
    file.create_dataset("packed_bomb", shape=(2**31,), dtype="f8", chunks=(2**20,), compression="gzip")
    file.create_dataset("sparse", shape=(1000,), dtype="i4", chunks=(100,))
    file.create_dataset(
        "unlimited", shape=(4,), maxshape=(None,), dtype="f8", chunks=(2**28,), compression="gzip"
    )


REFUSED = {
    "soft": "links are not allowed",
    "external": "links are not allowed",
    "linked/x": "links are not allowed",
    "virtual": "virtual and external storage",
    "elsewhere": "virtual and external storage",
    "lzf": "unknown filter",
    "scaleoffset": "unknown filter",
    "strings": "not an array of plain numbers",
    "texts": "not an array of plain numbers",
    "compound": "not an array of plain numbers",
    "bool": "not an array of plain numbers",
    "complex": "not an array of plain numbers",
    "half": "not an array of plain numbers",
    "enum": "not an array of plain numbers",
    "reference": "not an array of plain numbers",
    "type": "no such array",
    "null": "no content",
    "ranks": "too many dimensions",
    "bomb": "does not hold the whole array",
    "packed_bomb": "does not hold the whole array",
    "sparse": "does not hold the whole array",
    "unlimited": "does not hold the whole array",
}


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    with h5py.File(folder / "hostile.h5", "w") as file:
        hostile(file, folder)
    return folder / "hostile.h5"


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_arrays_are_refused(hostile_file: Path, name: str) -> None:
    with pytest.raises(InputError, match=REFUSED[name]) as caught:
        read(hostile_file, name)
    assert (caught.value.file, caught.value.key) == (str(hostile_file), name)


def test_names_leave_out_links(hostile_file: Path) -> None:
    with ArrayReader(hostile_file) as reader:
        names = reader.names()
        assert np.array_equal(reader.read("real"), np.arange(5))
    assert {"real", "group/x", "strings"} <= set(names)
    assert not {"soft", "external", "linked/x", "group", "type"} & set(names)


def test_groups_in_a_circle_end(path: Path) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("a")
        for name in "bcdef":
            group[name] = group
    with pytest.raises(InputError, match="too many"), ArrayReader(path) as reader:
        reader.names()


def truncated(content: bytes) -> list[bytes]:
    return [content[:size] for size in range(0, len(content), max(1, len(content) // 60))]


def test_truncated_files(path: Path) -> None:
    write_arrays(path, ARRAYS)
    content = path.read_bytes()
    for part in truncated(content):
        path.write_bytes(part)
        with pytest.raises(InputError) as caught, ArrayReader(path) as reader:
            for name in ARRAYS:
                reader.read(name)
        assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "not found"),
        (lambda path: path.mkdir(), "folder"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"just text\n" * 100), "not a readable HDF5 file"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000)), "not a readable HDF5 file"),
    ],
)
def test_files_that_are_not_hdf5(path: Path, make: Callable[[Path], object], problem: str) -> None:
    make(path)
    with pytest.raises(InputError, match=problem) as caught:
        ArrayReader(path)
    assert caught.value.file == str(path)
