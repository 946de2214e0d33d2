"""Cases of units: legal, answered as the spec answers, and covering every bin that can be covered."""

from __future__ import annotations

from collections import Counter
from itertools import chain, product

import pytest

from npusim.coverage import Status
from npusim.datapath import load_datapath, preset_names
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.errors import InputError
from npusim.spec.elementwise import Combination, combine
from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.spec.mac import accumulate
from npusim.spec.pipeline import run
from npusim.vectors.units import Case, Level, Origin, VectorUnit, stimuli, unit_named, unit_names
from npusim.vectors.units.patterns import patterns

WES = load_datapath("wes_npu")


def named(unit: VectorUnit, case: Case, prefix: str) -> dict[str, int | tuple[int, ...]]:
    """What the ports of a prefix hold, as the spec reads them."""
    held: dict[str, int | tuple[int, ...]] = {}
    for port, value in zip(unit.inputs, case.inputs, strict=True):
        if port.name.startswith(prefix):
            held[port.name.removeprefix(prefix)] = value
        if port.name == prefix.removesuffix("field_") + "activation_bounds":
            held["activation"] = value
    for port, entries in zip(unit.tables, case.tables, strict=True):
        held[port.name.removeprefix("field_")] = entries
    return held


@pytest.mark.parametrize(
    ("preset", "name"),
    [("wes_npu", "rescale"), ("wes_npu", "table"), ("tflite", "dense"), ("tflite_int16", "average_pool")],
)
def test_a_pipeline_answers_as_its_stages_do(preset: str, name: str) -> None:
    datapath = load_datapath(preset)
    unit = unit_named(datapath, name)
    operation, role = unit.name.split(".")
    stages = datapath.pipelines[operation].stages(PipelineRole(role)) or ()
    for _, case in stimuli(unit, Level.QUICK, 3):
        trace = run(stages, case.inputs[0], named(unit, case, "field_"))
        happened = set(chain.from_iterable(trace.events))
        result, *flags = unit.respond(case)
        told = {event for event, flag in zip(unit.events, flags, strict=True) if flag}
        assert (result, told) == (trace.result, happened)


def test_activation_clips_are_told_from_saturation() -> None:
    unit = unit_named(WES, "rescale")
    seen = Counter()
    for _, case in stimuli(unit, Level.QUICK, 0):
        seen.update(e for e, flag in zip(unit.events, unit.respond(case)[1:], strict=True) if flag)
    assert set(seen) == {e.value for e in Event} - {"wrapped"}
    assert min(seen.values()) > 50


def test_a_column_answers_as_the_accumulator_does() -> None:
    datapath = load_datapath("wes_npu_subtract")
    unit, lanes = unit_named(datapath, "mac_column", 3), datapath.mac.lanes
    shape = [port.shape for port in unit.inputs]
    assert shape == [(3, lanes), (3, lanes), (), ()]
    overflows = 0
    for _, case in stimuli(unit, Level.QUICK, 0):
        codes, bias, x_zero = case.inputs[: 6 * lanes], case.inputs[-2], case.inputs[-1]
        pairs = [(x - x_zero, w) for x, w in zip(codes[: 3 * lanes], codes[3 * lanes :], strict=True)]
        beats = [pairs[start : start + lanes] for start in range(0, len(pairs), lanes)]
        made = accumulate(beats, bias, datapath.mac.column)
        final = not datapath.mac.accumulator.register.holds(made.exact)
        assert unit.respond(case) == (made.value, bool(made.overflows), made.overflows, final)
        overflows += made.overflows
    assert overflows > 50


@pytest.mark.parametrize("operation", ["add", "mul"])
def test_two_operands_answer_as_the_spec_combines_them(operation: str) -> None:
    unit, pipeline = unit_named(WES, operation), WES.pipelines[operation]
    assert pipeline.operand is not None
    assert pipeline.result is not None
    how = Combination(PIPELINES[operation].sources[PipelineRole.RESULT].value)
    for _, case in stimuli(unit, Level.QUICK, 0):
        a, b, *_ = case.inputs
        sides = (named(unit, case, "operand_fields_0_"), named(unit, case, "operand_fields_1_"))
        result = named(unit, case, "field_")
        made = combine(how, (a, b), pipeline.operand, sides, pipeline.result, result)
        assert unit.respond(case)[0] == made.result.result


@pytest.mark.parametrize("name", ["rescale", "mac_column", "add", "mul", "pool", "table"])
def test_every_bin_is_hit_or_certified_by_what_was_solved(name: str) -> None:
    unit = unit_named(WES, name, 2)
    cases = [case for case in unit.solved() if unit.problem(case) is None]
    for report in unit.grade(cases):
        assert report.missed == ()
        assert report.counts[Status.HIT] > 10


@pytest.mark.slow
@pytest.mark.parametrize("preset", preset_names())
def test_units_of_every_preset(preset: str) -> None:
    datapath = load_datapath(preset)
    for name in unit_names(datapath):
        unit, origins = unit_named(datapath, name), Counter()
        for origin, case in stimuli(unit, Level.QUICK, 0):
            origins[origin] += 1
            for port, value in zip(unit.outputs, unit.respond(case), strict=True):
                assert value in port.interval
        assert origins[Origin.SOLVED] >= 5
        assert sum(origins.values()) > 300


def test_a_small_unit_is_shown_whole() -> None:
    unit = unit_named(WES, "mul.operand")
    shown = {case.inputs for _, case in stimuli(unit, Level.THOROUGH, 0)}
    assert shown == set(product(range(-128, 128), repeat=2))


def test_seeds_and_levels() -> None:
    unit = unit_named(load_datapath("gemmini_os"), "rescale")
    first, again, other = (list(stimuli(unit, Level.QUICK, seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert len(set(first)) == len(first)
    count = {level: Counter(o for o, _ in stimuli(unit, level, 0)) for level in Level}
    assert count[Level.QUICK][Origin.SOLVED] == count[Level.THOROUGH][Origin.SOLVED]
    assert count[Level.THOROUGH][Origin.PATTERN] > 3 * count[Level.QUICK][Origin.PATTERN]
    assert count[Level.THOROUGH][Origin.RANDOM] > 10 * count[Level.QUICK][Origin.RANDOM]


def test_patterns_hold_what_matters() -> None:
    quick, thorough = (patterns(Interval(-(1 << 31), (1 << 31) - 1), level) for level in Level)
    assert {-(1 << 31), 1 - (1 << 31), -1, 0, 1, (1 << 31) - 2, (1 << 31) - 1} <= set(quick) < set(thorough)
    assert {1 << bit for bit in range(31)} | {-(1 << bit) for bit in range(32)} <= set(thorough)
    assert patterns(Interval(0, 63), Level.THOROUGH) == list(range(64))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("rescale", "mac.result"),
        ("mac_column", "mac.column_of_4_beats"),
        ("mac.column_of_4_beats", "mac.column_of_4_beats"),
        ("pool", "average_pool.result"),
        ("table", "table.result"),
        ("concat", "concat.operand"),
        ("add", "add"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert unit_named(WES, alias).name == name


def test_other_names_are_refused() -> None:
    with pytest.raises(InputError, match=r"has no such unit.*did you mean 'rescale'"):
        unit_named(WES, "rescal")
    with pytest.raises(InputError, match="has no such unit"):
        unit_named(WES, "mac.column_of_5_beats", 4)
