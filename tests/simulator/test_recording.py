"""Results that go to a file: the same bytes however they are handed over, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from npusim.errors import InputError
from npusim.files.data import open_data, save_data
from npusim.files.hdf5_file import ArrayReader
from npusim.files.hdf5_writer import row_writer
from npusim.recording import SHARE, record
from npusim.simulator import Simulator
from tests.cli.files import PROGRAM

TAPS = ("conv:*", "head")


def _data(count: int) -> np.ndarray:
    shape = PROGRAM.inputs[0].shape
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8)


def _record(folder: Path, name: str, share: int, threads: int = 1, images: int = 7) -> Path:
    save_data(folder / "x.h5", {"images": _data(images)})
    told: list[tuple[int, int]] = []
    with open_data(folder / "x.h5") as data:
        statistics = record(
            Simulator(PROGRAM),
            data,
            folder / name,
            taps=TAPS,
            statistics=True,
            threads=threads,
            progress=lambda done, total: told.append((done, total)),
            share=share,
        )
    assert told == [(done, images) for done in range(1, images + 1)]
    assert statistics == Simulator(PROGRAM).run(_data(images), statistics=True).statistics
    return folder / name


@pytest.mark.parametrize("share", [1, 20_000, 50_000])
def test_bytes_do_not_depend_on_how_much_is_held(tmp_path: Path, share: int) -> None:
    whole = _record(tmp_path, "whole.h5", SHARE)
    assert _record(tmp_path, "parts.h5", share, threads=2).read_bytes() == whole.read_bytes()


def test_everything_is_in_the_file(tmp_path: Path) -> None:
    expected = Simulator(PROGRAM).run(_data(7), taps=TAPS)
    with ArrayReader(_record(tmp_path, "out.h5", 1)) as found:
        for step, points in expected.taps.items():
            for point, values in points.items():
                np.testing.assert_array_equal(found.read(f"taps/{step}/{point}"), values)
        for name, codes in expected.outputs.items():
            np.testing.assert_array_equal(found.read(f"outputs/{name}"), codes)
            np.testing.assert_array_equal(found.read(f"dequantized/{name}"), expected.dequantized[name])


def test_npz_holds_the_same(tmp_path: Path) -> None:
    with ArrayReader(_record(tmp_path, "out.h5", 1)) as found:
        made = np.load(_record(tmp_path, "out.npz", 1))
        assert set(made) == set(found.names())
        for name in made:
            np.testing.assert_array_equal(made[name], found.read(name))


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out.h5").write_bytes(b"the old one")

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    save_data(tmp_path / "x.h5", {"images": _data(7)})
    with open_data(tmp_path / "x.h5") as data, pytest.raises(KeyboardInterrupt):
        record(
            Simulator(PROGRAM),
            data,
            tmp_path / "out.h5",
            taps=TAPS,
            statistics=False,
            threads=1,
            progress=stop,
            share=1,
        )
    assert (tmp_path / "out.h5").read_bytes() == b"the old one"
    assert {path.name for path in tmp_path.iterdir()} == {"out.h5", "x.h5"}


def test_names_that_cannot_be_together(tmp_path: Path) -> None:
    values = np.zeros((1, 2), np.int8)
    with pytest.raises(InputError, match=r"a\.h5"), row_writer(tmp_path / "a.h5", 1) as writer:
        writer.append({"one": values, "one/two": values})
    with pytest.raises(InputError, match="wrong element type"), row_writer(tmp_path / "a.h5", 1) as writer:
        writer.append({"one": values.astype(complex)})
    assert not list(tmp_path.iterdir())
