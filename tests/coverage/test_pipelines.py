"""Pipelines: every bin of every preset is hit or certified; a toy's agrees with enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from npusim.coverage import PipelineUnit, PipelineVector, Status, cover, grade, pipeline_bins
from npusim.datapath import load_datapath
from npusim.datapath.load import preset_names
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.errors import InputError
from tests.coverage.toys import toy

ROUNDINGS = ["half_even", "toward_zero"]


def everything(unit: PipelineUnit) -> Iterator[PipelineVector]:
    """Every value, multiplier and shift; then, with each different product of those, what acts behind them.

    What is added and what clamps see nothing but that product: every zero point, and every bound beside
    the other's end.
    """
    held = {name: range(one.low, one.high + 1) for name, one in unit.ranges.items()}
    open_ = {"y_zero": 0, "low": -4, "high": 3}
    shifted = {}
    for value, m, shift in product(range(unit.entering.low, unit.entering.high + 1), held["multiplier"],
                                   held["shift"]):  # fmt: skip
        vector = PipelineVector(value, {"multiplier": m, "shift": shift, "inverse_shift": 0, **open_})
        yield vector
        shifted.setdefault(unit.observe(vector).trace.values[1], vector)
    bounds = [*((low, 3) for low in range(-4, 4)), *((-4, high) for high in range(-4, 3))]
    for vector, zero, (low, high) in product(shifted.values(), range(-4, 4), bounds):
        fields = {**vector.fields, "y_zero": zero, "low": low, "high": high}
        yield PipelineVector(vector.value, fields)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_the_reachable_set_of_a_toy_is_that_of_enumeration(rounding: str) -> None:
    unit = PipelineUnit(toy(rounding), "mac")
    solved = {o.name: o.status for o in cover(unit).report.outcomes}
    bins, seen = list(pipeline_bins(unit)), set()
    for vector in everything(unit):
        if not bins:
            break
        observation = unit.observe(vector)
        seen |= {one.name for one in bins if one.hit(unit, observation)}
        bins = [one for one in bins if one.name not in seen]
    assert {name for name, status in solved.items() if status is Status.HIT} == seen
    assert {name for name, status in solved.items() if status is Status.UNREACHABLE} == {b.name for b in bins}
    assert bins
    assert seen


@pytest.mark.parametrize("preset", preset_names())
def test_every_bin_of_a_presets_rescale_is_hit_or_certified(preset: str) -> None:
    report = cover(PipelineUnit(load_datapath(preset), "mac")).report
    assert report.missed == ()
    assert report.counts[Status.HIT] > 20


@pytest.mark.slow
@pytest.mark.parametrize("preset", preset_names())
def test_every_bin_of_a_presets_pipelines_is_hit_or_certified(preset: str) -> None:
    datapath = load_datapath(preset)
    for operation, pipeline in datapath.pipelines.items():
        for role in PIPELINES[operation].sources:
            if pipeline.stages(role):
                assert cover(PipelineUnit(datapath, operation, role)).report.missed == ()


def test_a_graded_set_says_what_it_misses() -> None:
    unit = PipelineUnit(load_datapath("wes_npu"), "mac")
    solved = cover(unit)
    again = grade(unit, solved.vectors)
    assert again.complete
    assert [o.name for o in again.outcomes] == [o.name for o in solved.report.outcomes]
    without = grade(unit, [v for v in solved.vectors if v.fields["shift"] != 7])
    assert "W4.mac.result.1_shift_right.shift_is_7" in without.missed
    assert not set(without.missed) & {o.name for o in again.outcomes if o.status is Status.UNREACHABLE}


def test_vectors_of_no_legal_program_are_refused() -> None:
    unit = PipelineUnit(load_datapath("wes_npu"), "mac")
    legal = cover(unit).vectors[0]
    for fields in ({**legal.fields, "low": 5, "high": 4}, {**legal.fields, "shift": 64}, {}):
        with pytest.raises(InputError, match="no legal vector"):
            grade(unit, [PipelineVector(0, fields)])
    with pytest.raises(InputError, match="declares no such pipeline"):
        PipelineUnit(load_datapath("wes_npu"), "mac", PipelineRole.OPERAND)
