from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npusim.analysis import diff, load_taps
from npusim.errors import InputError
from npusim.files.data import save_data
from npusim.vectors import VectorFormat, write_vectors
from tests.analysis.builders import conv, program
from tests.analysis.mutants import taps_of

RNG = np.random.default_rng(4)
MADE = program(
    conv(RNG.integers(-99, 99, (4, 3, 3, 2)), [1, 2, 3, 4], padding=((1, 1), (1, 1))), shape=(5, 4, 2)
)
IMAGES = RNG.integers(-128, 128, (2, 5, 4, 2)).astype(np.int8)
TAPS = taps_of(MADE, IMAGES)


def write_hex(path: Path, values: Any, bits: int) -> None:
    """As $writememh does."""
    mask, digits = (1 << bits) - 1, bits // 4
    words = [f"{int(value) & mask:0{digits}X}" for value in values.reshape(-1)]
    path.write_text("// memory\n@00000000\n" + "\n".join(words) + "\n")


def ours(folder: Path) -> Path:
    save_data(folder / "ours.h5", TAPS)
    return folder / "ours.h5"


@pytest.mark.parametrize("suffix", ["hex", "npy"])
def test_dumps_by_step_and_point(suffix: str, tmp_path: Path) -> None:
    first = load_taps(ours(tmp_path))
    dump = tmp_path / "dump"
    dump.mkdir()
    for point, bits in (("accumulator", 64), ("output", 8)):
        values = TAPS[f"taps/conv/{point}"].copy()
        if point == "output":
            values[1, 2, 3, 1] ^= 4
        if suffix == "hex":
            write_hex(dump / f"conv.{point}.hex", values, bits)
        else:
            np.save(dump / f"conv.{point}.npy", values)
    found = diff(first, load_taps(dump, like=first))
    assert found.first is not None
    assert (found.compared, found.first.point, found.first.differing) == (2, "output", 1)
    assert (found.first.image, found.first.row, found.first.column, found.first.channel) == (1, 2, 3, 1)


@pytest.mark.parametrize("sampled", [None, 6])
def test_golden_vectors_against_an_rtl_dump(sampled: int | None, tmp_path: Path) -> None:
    """The manifest gives program, inputs, widths and places: the rule is found without more ado."""
    write_vectors(MADE, IMAGES, tmp_path / "golden", images=2, sample_pixels=sampled, format=VectorFormat.HEX)
    wrong = MADE.replace(steps=(MADE.steps[0].replace(bias=-MADE.steps[0].bias),))
    write_vectors(wrong, IMAGES, tmp_path / "wrong", images=2, sample_pixels=sampled, format=VectorFormat.NPY)
    golden = load_taps(tmp_path / "golden")
    assert np.array_equal(golden.inputs["x"], IMAGES)
    found = diff(golden, load_taps(tmp_path / "wrong"))
    assert found.first is not None
    assert found.first.point == "accumulator"
    assert [[change.text for change in changes] for changes in found.explanations] == [
        ["the bias is subtracted"]
    ]
    assert diff(golden, golden).equal

    (tmp_path / "wrong" / "manifest.json").unlink()
    dump = load_taps(tmp_path / "wrong", like=golden)
    assert diff(golden, dump).first == found.first


def test_places_in_sampled_vectors_are_the_outputs(tmp_path: Path) -> None:
    write_vectors(MADE, IMAGES, tmp_path / "golden", images=2, sample_pixels=6)
    tap = load_taps(tmp_path / "golden").taps["conv", "output"]
    assert tap.pixels is not None
    for flat in range(tap.values.size):
        image, row, column, channel = tap.place(flat)
        assert tap.values.reshape(-1)[flat] == TAPS["taps/conv/output"][image, row, column, channel]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("00\n" * 159, "number of words"),
        ("00\n" * 100 + "xx\n" + "00\n" * 59, "found 'xx'"),
        ("00\n@5\n" + "00\n" * 159, "missing before this address"),
    ],
)
def test_broken_hex_is_told_with_its_line(text: str, problem: str, tmp_path: Path) -> None:
    first = load_taps(ours(tmp_path))
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "conv.output.hex").write_text(text)
    with pytest.raises(InputError, match=problem) as error:
        load_taps(dump, like=first)
    assert "conv.output.hex" in str(error.value)


def test_folders_without_dumps_are_told(tmp_path: Path) -> None:
    first = load_taps(ours(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no dump"):
        load_taps(tmp_path / "empty", like=first)
    with pytest.raises(InputError, match="compared with"):
        load_taps(tmp_path / "empty")
    (tmp_path / "empty" / "conv.output.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match="cannot be read"):
        load_taps(tmp_path / "empty", like=first)
