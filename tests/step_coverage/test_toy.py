"""On a toy datapath, the bins that are hit are those that some input hits: all inputs are run."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from npusim.coverage import Status
from npusim.program import Program
from npusim.step_coverage.certificates import Argument
from npusim.step_coverage.checker import check
from npusim.step_coverage.mac_bins import mac_bins
from npusim.step_coverage.mac_cover import MacCover
from tests.step_coverage.steps import toy_program, unit_of


def enumerated(program: Program) -> set[str]:
    """The bins that some input of a dense step hits."""
    unit = unit_of(program)
    bins, seen = list(mac_bins(unit)), set()
    inputs = unit.columns.weights.shape[-1]
    for codes in product(range(-4, 4), repeat=inputs):
        image = np.array(codes).reshape(1, 1, inputs)
        for channel in range(unit.columns.outputs):
            observed = unit.observe(image, (0, 0), channel)
            seen |= {one.name for one in bins if one.hit(unit, observed)}
        bins = [one for one in bins if one.name not in seen]
    return seen


@pytest.mark.parametrize(
    ("weights", "biases", "changes", "shifts"),
    [
        ([[3]], [0], {}, [1]),
        ([[3, -2]], [1], {}, [2]),
        ([[2, -2, 2], [1, 0, -3]], [-3, 5], {}, [1, 3]),
        ([[3, 3, -3], [3, -1, 2]], [9, -20], {}, [0, 2]),
        ([[3, 3, -3]], [25], {"mac.accumulator.overflow": "wrap"}, [2]),
        pytest.param([[3, 3, 3, -3]], [20], {}, [2], marks=pytest.mark.slow),
        ([[-3, 2, 3]], [-28], {"mac.bias.place": "late"}, [1]),
    ],
)
def test_the_reachable_set_is_that_of_enumeration(
    weights: list[list[int]], biases: list[int], changes: dict[str, object], shifts: list[int]
) -> None:
    program = toy_program(weights, biases, changes, shifts)
    report = MacCover(unit_of(program)).run().report
    by_status = {status: {o.name for o in report.outcomes if o.status is status} for status in Status}
    assert by_status[Status.UNKNOWN] == set()
    assert by_status[Status.HIT] == enumerated(program)
    assert by_status[Status.UNREACHABLE]


def test_the_join_misses_nothing_without_looking_at_all_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npusim.step_coverage.checker.MOST_WINDOWS", 0)
    program = toy_program([[2, -2, 2], [1, 1, -3]], [-3, 5], shifts=[2, 3])
    unit = unit_of(program)
    report = MacCover(unit).run().report
    assert {o.name for o in report.outcomes if o.status is Status.HIT} == enumerated(program)
    arguments = {o.certificate.argument for o in report.outcomes if o.certificate is not None}
    assert {Argument.RANGES, Argument.SUMS, Argument.WRITES} <= arguments
    bins = {one.name: one for one in mac_bins(unit)}
    hits = [bins[o.name] for o in report.outcomes if o.status is Status.HIT]
    for outcome in report.outcomes:
        if outcome.certificate is not None:
            assert check(unit, bins[outcome.name], outcome.certificate)
            assert not any(check(unit, one, outcome.certificate) for one in hits)
