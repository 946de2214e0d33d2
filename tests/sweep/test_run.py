"""Sweeps in a folder: numbers, files, what is computed again and what is not."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import npusim
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.evaluate import evaluate
from npusim.files.atomic import output_folder
from npusim.files.data import save_data
from npusim.files.hdf5_file import ArrayReader
from npusim.sweep.load import SweepFile
from npusim.sweep.measure import measure
from npusim.sweep.outcome import Outcome, Status, Store
from npusim.sweep.plan import plan
from npusim.sweep.run import SweepResult, run_sweep
from npusim.sweep.workbench import Workbench
from tests.cli.files import LABELS, NETWORK
from tests.compiler.networks import images
from tests.sweep.folders import SWEEP, sweep

FILES = ("results.csv", "results.h5", "plots/net-bits.svg", "plots/net-pareto.svg")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    folder = tmp_path_factory.mktemp("sweep")
    return run_sweep(sweep(folder), folder / "out", jobs=1)


def test_a_row_says_what_evaluation_says(result: SweepResult) -> None:
    for row in result.table.rows:
        changes = {
            "mac.bias": {"bits": 32, "place": "late"},
            "mac.accumulator.bits": row["bits"],
            "pipelines.mac.result[1].rounding": row["rounding"],
        }
        datapath = change_datapath(npusim.load_datapath("wes_npu"), changes, "changed")
        program = npusim.compile(NETWORK, datapath, "wes", images(8))
        found = evaluate(NETWORK, program, [(images(), LABELS)])
        assert (row["top1"], row["agreement"]) == (found.integer_top1, found.agreement)
        assert row["output_sqnr_db"] == pytest.approx(found.outputs["head"], abs=1e-4)
        assert row["worst_sqnr_db"] == pytest.approx(min(s.sqnr_db for s in found.steps), abs=1e-4)
        assert row["overflows"] == sum(s.overflows for s in found.statistics.values())
        assert row["accumulator_bits"] == row["bits"]
        assert (row["macs"], row["multiplier_bits"], row["images"]) == (program.macs, 16, 4)
    assert len({row["output_sqnr_db"] for row in result.table.rows}) > 3


def test_csv_and_hdf5_hold_the_same(result: SweepResult) -> None:
    table = rows(result.folder)
    assert [row["rounding"] for row in table] == ["floor", "half_up"] * 3
    with ArrayReader(result.folder / "results.h5") as reader:
        assert sorted(table[0]) == reader.names()
        for name in ("bits", "output_sqnr_db", "macs", "pareto"):
            assert reader.read(name).tolist() == [float(row[name]) for row in table]
        words = [bytes(text).rstrip(b"\0").decode() for text in reader.read("rounding")]
        assert words == [row["rounding"] for row in table]
    timings = (result.folder / "timings.csv").read_text().splitlines()
    assert len(timings) == 1 + len(table)


def test_the_same_sweep_gives_the_same_bytes(result: SweepResult, tmp_path: Path) -> None:
    again = run_sweep(sweep(tmp_path), tmp_path / "out", jobs=1)
    assert (again.computed, again.reused, dict(again.errors)) == (6, 0, {})
    assert content(tmp_path / "out") == content(result.folder)


def test_a_changed_point_repeats_only_itself(result: SweepResult, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    text = SWEEP.replace("[14, 16, 32]", "[14, 20, 32]").replace("title: A", "title: Other a")
    other = run_sweep(sweep(tmp_path, text), result.folder, jobs=1, progress=lambda *done: seen.append(done))
    assert (other.computed, other.reused) == (2, 4)
    assert seen == [(0, 2), (1, 2), (2, 2)]
    back = run_sweep(sweep(tmp_path), result.folder, jobs=1)
    assert (back.computed, back.reused) == (0, 6)
    assert back.table == result.table


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"digest": "x", "status": "ok", "timing": {}}', "\0"])
def test_a_damaged_point_is_computed_again(damage: str, result: SweepResult, tmp_path: Path) -> None:
    path = result.folder / "points" / f"{result.table.rows[2]['digest']}.json"
    before = json.loads(path.read_text())["measures"]
    path.write_text(damage)
    again = run_sweep(sweep(tmp_path), result.folder, jobs=1)
    assert (again.computed, again.reused) == (1, 5)
    assert json.loads(path.read_text())["measures"] == before


def test_what_cannot_be_compiled_is_a_row_with_its_reason(tmp_path: Path) -> None:
    text = SWEEP.replace("    mac.bias: {bits: 32, place: late}", "    mac.lanes: 16").replace(
        "datapath: mac.accumulator.bits\n    values: [14, 16, 32]",
        "datapath: [mac.accumulator.bits, mac.bias.bits]\n    values: [1, 3, 32]",
    )
    found = run_sweep(sweep(tmp_path, text), tmp_path / "out", jobs=1)
    assert [row["status"] for row in found.table.rows] == ["refused"] * 4 + ["ok"] * 2
    first, second = found.table.rows[0]["reason"], found.table.rows[2]["reason"]
    assert str(first).startswith("mac.accumulator.bits: ")
    assert "found" in str(second)
    assert "Traceback" not in str(second)
    assert [row["status"] for row in rows(tmp_path / "out")] == [r["status"] for r in found.table.rows]
    assert (found.computed, found.errors) == (4, {})
    again = run_sweep(sweep(tmp_path, text), tmp_path / "out", jobs=1)
    assert (again.computed, again.reused) == (0, 4)


ONE_POINT = SWEEP.replace("[14, 16, 32]", "[32]").replace("[floor, half_up]", "[floor]")


def test_what_a_point_depends_on_makes_another_point(tmp_path: Path) -> None:
    file = sweep(tmp_path, ONE_POINT)
    changes = {
        "data": ("x.h5[1:4]",),
        "calibration": "x.h5",
        "images": 3,
        "label_offset": 1,
        "recipes": ("layerwise",),
        "datapaths": ("wes_npu_inverse3",),
    }
    digests = {_digest(file)}
    for key, value in changes.items():
        digests.add(_digest(file.replace(**{key: value})))
    save_data(tmp_path / "x.h5", {"images": images(), "labels": LABELS + 1})
    digests.add(_digest(file))
    text = (tmp_path / "net.yaml").read_text()
    (tmp_path / "net.yaml").write_text(f"# the same network, another file\n{text}")
    digests.add(_digest(file))
    assert len(digests) == 3 + len(changes)


def test_what_a_datapath_is_called_makes_no_other_point(tmp_path: Path) -> None:
    file = sweep(tmp_path, ONE_POINT)
    path = tmp_path / "renamed.yaml"
    path.write_text("extends: wes_npu\nname: renamed\ntitle: the same\nset: {mac.lanes: 16}\n")
    assert _digest(file.replace(datapaths=(str(path),))) == _digest(file)


def _digest(file: SweepFile) -> str:
    (item,) = plan(file)
    assert item.task is not None
    return item.task.digest


def test_an_error_is_tried_again_and_what_is_half_written_is_removed(
    result: SweepResult, tmp_path: Path
) -> None:
    digest = str(result.table.rows[0]["digest"])
    path = result.folder / "points" / f"{digest}.json"
    half = path.with_name(".0123456789abcdef.tmp.json")
    path.rename(half)
    Store(result.folder).keep(Outcome(digest, Status.ERROR, "lost"))
    assert not path.exists()
    again = run_sweep(sweep(tmp_path), result.folder, jobs=1)
    assert (again.computed, again.reused) == (1, 5)
    assert not half.exists()


def test_other_code_and_other_files_compute_nothing(tmp_path: Path) -> None:
    (item,) = plan(sweep(tmp_path, ONE_POINT))
    assert item.task is not None
    found = measure(replace(item.task, code="older"), Workbench(tmp_path / "float"))
    assert (found.status, found.measures) == (Status.ERROR, {})
    assert "another version of npusim" in found.reason
    save_data(tmp_path / "cal.h5", {"images": images(7)})
    found = measure(item.task, Workbench(tmp_path / "float"))
    assert found.status is Status.ERROR
    assert "has changed since the sweep began" in found.reason


def test_one_sweep_a_folder_at_a_time(tmp_path: Path) -> None:
    file = sweep(tmp_path)
    with output_folder(tmp_path / "out"), pytest.raises(InputError, match="another npusim process"):
        run_sweep(file, tmp_path / "out", jobs=1)


def test_infinities_reach_all_files(tmp_path: Path) -> None:
    quiet = np.zeros((2, 6, 6, 3), np.float32)
    file = sweep(tmp_path)
    save_data(tmp_path / "x.h5", {"images": quiet})
    found = run_sweep(file, tmp_path / "out", jobs=1)
    assert {row["top1"] for row in found.table.rows} == {None}
    assert found.quality == "output_sqnr_db"
    json.dumps(found.to_json(), allow_nan=False)
