"""Elementwise steps in one pass with their events: what the spec says, on every instruction set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from npusim.kernels.emit.registers import VECTOR
from npusim.kernels.event_plan import event_plan
from npusim.kernels.isa import InstructionSet, available, selected
from npusim.kernels.jit import readonly
from npusim.kernels.members import members_of
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.records import COUNT, FIRST, of_nothing
from npusim.kernels.tiled.combine import UNIT, tiled_combination
from npusim.kernels.tiled.combine_events import CountingCombination, counting_marks
from npusim.spec.activation import ActivationBounds
from npusim.spec.elementwise import Combination, Combined, combine
from npusim.spec.events import Event
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftRight
from tests.kernels.processes import run_python
from tests.strategies import roundings

TILED = [choice for choice in available() if choice is not InstructionSet.GENERIC]
OTHERS = [choice for choice in TILED if choice is not selected()]
EXAMPLES = (
    "from tests.kernels.test_combine_events import test_counts_are_the_specs; test_counts_are_the_specs()"
)

Kind = tuple[int, int, Event]
"""An event of a stage of the first operand, the second, or the result."""

SIZES = st.integers(1, 9) | st.sampled_from([VECTOR, 2 * VECTOR + 5, UNIT - 1, UNIT + 3 * VECTOR + 1])
OPERANDS = st.fixed_dictionaries(
    {
        "zero": st.integers(-20, 20),
        "m": st.sampled_from([0, 1, 3, 256, 40001, (1 << 30) + 12345]),
        "n": st.integers(0, 3) | st.sampled_from([20, 31]),
    }
)
RESULTS = st.fixed_dictionaries(
    {
        "m": st.sampled_from([0, 1, 3, 256, 40001, 1 << 30, (1 << 30) + 77]),
        "n": st.integers(0, 24) | st.sampled_from([30, 31]),
        "again": st.integers(0, 12),
        "zero": st.integers(-20, 20),
        "low": st.integers(-128, 0),
        "high": st.integers(0, 127),
        "activation": st.sampled_from(ActivationBounds),
    }
)


def _stages(shifts: Sequence[tuple[str, Rounding]]) -> tuple[BaseStage, ...]:
    return (Multiply(by="m"), *(ShiftRight(by=(name,), rounding=rule) for name, rule in shifts))


@st.composite
def _places(draw: st.DrawFn, exact: np.ndarray, fields: dict[str, Any]) -> int:
    """A pair of codes of which what is combined, or what a first shift makes of it, ends in so many zeros."""
    values, zeros = exact.reshape(-1), draw(st.integers(0, 20))
    if draw(st.booleans()):
        values = (values * fields["m"] + (1 << fields["n"] >> 1)) >> fields["n"]
    found = np.flatnonzero(values & ((2 << zeros) - 1) == 1 << zeros)
    return int(draw(st.sampled_from(found[:: found.size // 32 + 1]) if found.size else st.integers(0, 65535)))


def _causes(seen: Combined) -> set[Kind]:
    traces = (*seen.operands, seen.result)
    return {
        (pipeline, stage, event)
        for pipeline, trace in enumerate(traces)
        for stage, events in enumerate(trace.events)
        for event in events
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(st.data(), st.sampled_from(Combination), st.tuples(roundings, roundings, roundings))
def test_counts_are_the_specs(
    data: st.DataObject, combination: Combination, rules: tuple[Rounding, Rounding, Rounding]
) -> None:
    rounds, twice = data.draw(st.booleans()), data.draw(st.booleans())
    operand = (Add(operand="zero"), *_stages([("n", rules[0])] if rounds else []))
    fields, own = [data.draw(OPERANDS) for _ in range(2)], data.draw(RESULTS)
    shifts = [("n", rules[1]), ("again", rules[2])]
    result = (*_stages(shifts if twice else shifts[:1]), Add(operand="zero"), Clamp(low="low", high="high"))
    codes = np.dtype(data.draw(st.sampled_from([np.int8, np.uint8])))
    if codes == np.uint8:
        own = {**own, "low": own["low"] + 128, "high": own["high"] + 128}
    plans = [compile_pipeline(operand, each, 1) for each in fields]
    plan, size = compile_pipeline(result, own, 1), data.draw(SIZES)
    step = tiled_combination(combination, (plans[0], plans[1]), plan, (codes, codes), codes, size)
    told = None if step is None else event_plan(plan, step.reach)
    members = [members_of(each, codes) for each in plans]
    assume(step is not None and told is not None and all(members))
    every = [int(code) for code in np.arange(256).astype(np.uint8).view(codes)]
    first, second = ([run(operand, code, each).result for code in every] for each in fields)
    exact = np.array([[combination.of(p, q) for q in second] for p in first], np.int64)
    chosen = data.draw(st.lists(_places(exact, own), min_size=1, max_size=4))
    pairs = [(every[place // 256], every[place % 256]) for place in chosen]
    which = np.zeros(size, np.int64)  # mostly one pair, others here and there
    for place in data.draw(st.lists(st.integers(0, size - 1), max_size=6)):
        which[place] = data.draw(st.integers(0, len(pairs) - 1))
    seen = [combine(combination, pair, operand, (fields[0], fields[1]), result, own) for pair in pairs]
    inputs = list(np.array(pairs).astype(codes)[which].T.copy())
    found, made = _counted(step, told, members, inputs)
    np.testing.assert_array_equal(made.view(codes), np.array([one.result.result for one in seen])[which])
    expected: dict[Kind, tuple[int, int]] = {}
    for kind in set().union(*map(_causes, seen)):
        caused = np.array([kind in _causes(one) for one in seen])[which]
        if caused.any():
            expected[kind] = (int(caused.sum()), int(caused.argmax()))
    assert found == expected


def _counted(step: Any, told: Any, members: Any, inputs: list[np.ndarray]) -> tuple[dict, np.ndarray]:
    """By kind how often and where first, in two parts; and the codes."""
    marks = counting_marks(told, step.rescale)
    assert marks is not None
    counting = CountingCombination(step, marks, len(told.kinds), members)
    made, scratch = np.empty(inputs[0].size, np.uint8), np.empty(step.scratch_bytes, np.uint8)
    record = of_nothing()
    for first, last in pairwise(sorted({0, step.units // 2, step.units})):
        counting.run(
            [readonly(x.view(np.uint8), np.uint8) for x in inputs], made, scratch, first, last, record
        )
    kinds = [(2, *kind) for kind in told.kinds]
    kinds += [(index, *kind) for index, each in enumerate(members) for kind in each.kinds]
    found: dict[Kind, tuple[int, int]] = {}
    for place, kind in enumerate(kinds):
        count, first = int(record[COUNT + place]), int(record[FIRST + place])
        if count:
            before = found.get(kind, (0, first))  # one event on both sides of a clamp
            found[kind] = (before[0] + count, min(before[1], first))
    return found, made


@pytest.mark.parametrize("choice", OTHERS)
def test_on_other_instruction_sets(choice: InstructionSet) -> None:
    done = run_python("-c", EXAMPLES, NPUSIM_ISA=choice.value)
    assert done.returncode == 0, done.stderr
