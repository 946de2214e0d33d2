"""The accumulator sweep that ships: its cliff is where proofs and observations say it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import npusim
from npusim.analysis import prove
from npusim.datapath.load import change_datapath
from npusim.demo import bundled, load_images
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.sweep.load import load_sweep
from npusim.sweep.run import run_sweep

IMAGES = 50
LATE = {"bits": 32, "place": "late"}


def program(overflow: str) -> Program:
    """The bundled network on 32-bit accumulators."""
    changes = {"mac.bias": LATE, "mac.accumulator.overflow": overflow}
    datapath = change_datapath(npusim.load_datapath("wes_npu"), changes, "wide")
    calibration, _ = load_images("digits_calibration.h5")
    return npusim.compile(npusim.load_network(bundled("digits.yaml")), datapath, "wes", calibration)


def needed_bits(made: Program, overflow: str) -> int:
    """What the images need: every prefix where the accumulator saturates, final values where it wraps."""
    images, _ = load_images("digits_test.h5")
    mode = True if overflow == "wrap" else "prefix"
    found = npusim.simulate(made, images[:IMAGES], statistics=mode, threads=1).statistics
    assert found is not None
    records = [step.accumulator for step in found.values() if step.accumulator is not None]
    return max(Interval(record.lowest, record.highest).bits for record in records)


def check(rows: list[dict[str, Any]]) -> None:
    for overflow in ("wrap", "saturate"):
        made = program(overflow)
        proven = max(step.reachable_bits for step in prove(made).steps)
        needed = needed_bits(made, overflow)
        assert needed <= proven
        line = {row["bits"]: row for row in rows if row["overflow"] == overflow}
        assert {row["status"] for row in line.values()} == {"ok"}
        # the bias guard makes other programs for the narrowest accumulators: nothing is known of those
        same = {bits: row for bits, row in line.items() if not row["notes"]} or line
        assert [bits for bits, row in same.items() if row["overflows"] and bits >= needed] == []
        assert [bits for bits, row in same.items() if not row["overflows"] and bits < needed] == []
        assert all(row["seen_bits"] <= proven for row in line.values())
        assert line[32]["proven_bits"] == proven
        # far below the cliff nothing is left; above it the answers do not depend on the width
        assert line[16]["top1"] < 0.5 < 0.9 < line[proven]["top1"]
        kept = {row["output_sqnr_db"] for bits, row in line.items() if bits >= needed}
        assert kept == {line[32]["output_sqnr_db"]}


def test_the_cliff_is_where_it_is_proven_and_seen(tmp_path: Path) -> None:
    listed = tuple({"bits": bits} for bits in (16, 17, 18, 19, 20, 32))
    file = load_sweep("accumulator_width").replace(points=listed, images=IMAGES)
    check([dict(row) for row in run_sweep(file, tmp_path, jobs=1).table.rows])


@pytest.mark.slow
def test_the_whole_sweep(tmp_path: Path) -> None:
    file = load_sweep("accumulator_width").replace(images=IMAGES)
    check([dict(row) for row in run_sweep(file, tmp_path, jobs=2).table.rows])
