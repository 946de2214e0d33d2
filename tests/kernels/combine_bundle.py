"""Elementwise steps in one pass against the general kernels. Run as a script: says how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise, product

import numpy as np

from npusim.kernels.coded import CountingPairs, classes_of_pairs
from npusim.kernels.combine import EXACTLY
from npusim.kernels.direct.protocol import Counting
from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import event_plan
from npusim.kernels.events import NEVER, EventCounts
from npusim.kernels.members import members_of
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan, compile_pipeline
from npusim.kernels.records import COUNT, FIRST, merged, of_nothing
from npusim.kernels.tiled.combine import FORM, TiledCombination, tiled_combination
from npusim.kernels.tiled.combine_events import CountingCombination, counting_marks
from npusim.spec.elementwise import Combination
from npusim.spec.events import Event
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftLeft, ShiftRight
from tests.kernels.guarded import Guard, Place

UP, AWAY = Rounding.HALF_UP, Rounding.HALF_AWAY
LENGTHS = (1, 31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 8300)


class Operand(Enum):
    """An operand's pipeline."""

    LINE = (Add(operand="-zero"), Multiply(by="multiplier"))
    CODES = (Add(operand="-zero"),)
    GEMMLOWP = (
        Add(operand="-zero"),
        ShiftLeft(by=20),
        Multiply(by="multiplier"),
        ShiftRight(by=(31,), rounding=UP),
        ShiftRight(by=("shift",), rounding=AWAY),
    )


def _result(rule: Rounding, twice: bool, bounds: tuple[int, int]) -> tuple[BaseStage, ...]:
    shifts = ShiftRight(by=("shift",), rounding=rule)
    inner = (ShiftRight(by=(31,), rounding=UP),) if twice else ()
    return (Multiply(by="multiplier"), *inner, shifts, Add(operand=-7), Clamp(low=bounds[0], high=bounds[1]))


def _made(
    codes: type, combination: Combination, operand: Operand, rule: Rounding, twice: bool, length: int
) -> tuple[TiledCombination, tuple[Plan, Plan, Plan]]:
    limits = np.iinfo(codes)  # type: ignore[type-var]
    zeros = (limits.min + 5, limits.max - 3)
    gemmlowp = operand is Operand.GEMMLOWP
    factors = ((1 << 30) + 12345, 1 << 30) if gemmlowp else (40001, 65535)
    if combination is Combination.PRODUCT and not gemmlowp:
        factors = (101, 77)
    fields = [
        {"zero": zero, "multiplier": factor, "shift": shift}
        for zero, factor, shift in zip(zeros, factors, (1, 0), strict=True)
    ]
    if combination is Combination.PRODUCT and gemmlowp:
        fields = [{**own, "shift": 17} for own in fields]
    first, second = (compile_pipeline(operand.value, own, 3) for own in fields)
    registers = {"multiplier": (1 << 30) + 77 if twice else 3, "shift": 18 if twice else 19}
    if operand is Operand.CODES and not twice:
        registers = {"multiplier": (1 << 31) - 1, "shift": 30}  # no room for high halves
    bounds = (-100, 120) if codes == np.int8 else (5, 250)
    result = compile_pipeline(_result(rule, twice, bounds), registers, 3)
    kind = np.dtype(codes)
    found = tiled_combination(combination, (first, second), result, (kind, kind), kind, length)
    assert found is not None, (combination, operand, rule, twice)
    return found, (first, second, result)


def cases() -> Iterator[tuple[type, Combination, Operand, Rounding, bool, int]]:
    """Every operand, combination, rounding and tail."""
    for codes, combination, operand in product((np.int8, np.uint8), Combination, Operand):
        for rule in Rounding:
            yield codes, combination, operand, rule, False, 193
        yield codes, combination, operand, AWAY, True, 193
    for length in LENGTHS:
        yield np.int8, Combination.DIFFERENCE, Operand.GEMMLOWP, AWAY, True, length


def _compare_events(
    step: TiledCombination,
    combination: Combination,
    plans: tuple[Plan, Plan, Plan],
    inputs: list[np.ndarray],
    out: np.ndarray,
) -> bool:
    """Counted in two parts, by pairs of codes and by sums, and by every value's way through the pipelines."""
    kinds = [x.dtype for x in inputs]
    classes = classes_of_pairs(EXACTLY[combination], plans[:2], plans[2], kinds)
    assert classes is not None
    forms: list[tuple[Counting, Sequence[Kind]]] = [(CountingPairs(step, classes, out.size), classes.kinds)]
    plan = event_plan(plans[2], step.reach)
    if plan is not None:
        members = [members_of(own, kind) for own, kind in zip(plans, kinds, strict=False)]
        own = [(2, *kind) for kind in plan.kinds]
        own += [(index, *kind) for index, found in enumerate(members) if found for kind in found.kinds]
        marks, operands = counting_marks(plan, step.rescale), [found for found in members if found]
        assert marks is not None
        forms.append((CountingCombination(step, marks, len(plan.kinds), operands), own))
    expected = _seen(combination, plans, inputs)
    for counting, told in forms:
        parts = of_nothing(2)
        made, scratch = np.empty_like(out), np.empty(step.scratch_bytes, np.uint8)
        for part, (first, last) in zip(parts, pairwise((0, step.units // 2, step.units)), strict=True):
            counting.run([x.view(np.uint8) for x in inputs], made, scratch, first, last, part)
        np.testing.assert_array_equal(made, out)
        assert _counted(merged(parts), told) == expected
    return plan is not None


Kind = tuple[int, int, Event]
Found = dict[Kind, tuple[int, int]]
"""How often each event happened, and where first."""


def _counted(record: np.ndarray, kinds: Sequence[Kind]) -> Found:
    found: Found = {}
    for index, kind in enumerate(kinds):
        count, first = int(record[COUNT + index]), int(record[FIRST + index])
        if count:
            other = found.get(kind, (0, NEVER))  # one event on both sides of a clamp
            found[kind] = (other[0] + count, min(other[1], first))
    return found


def _seen(combination: Combination, plans: tuple[Plan, Plan, Plan], inputs: list[np.ndarray]) -> Found:
    # Every value in all three channels: three times as many events.
    values = [x.astype(np.int64).repeat(3).reshape(-1, 3) for x in inputs]
    seen = [EventCounts(len(plan.stages)) for plan in plans]
    aligned = [run(plan, x, each) for plan, x, each in zip(plans, values, seen, strict=False)]
    run(plans[2], EXACTLY[combination](*aligned), seen[2])
    found: Found = {}
    for pipeline, each in enumerate(seen):
        for stage, event in product(range(len(each.counts)), Event):
            first = each.first_index(stage, event)
            if first is not None:
                found[pipeline, stage, event] = (each.count(stage, event) // 3, first // 3)
    assert found
    return found


def main() -> int:
    """Compare all cases at both ends of a page; how many there were."""
    number, told, forms = 0, 0, set()
    for codes, combination, operand, rule, twice, length in cases():
        number += 1
        step, (first, second, result) = _made(codes, combination, operand, rule, twice, length)
        forms.add(step.constants[1][FORM])
        for place in Place:
            guard = Guard(place)
            inputs = [guard.codes((length,), codes) for _ in range(2)]
            # Rows of three channels, the last one filled up.
            rows = [np.resize(x, (-(-length // 3), 3)).astype(np.int64) for x in inputs]
            values = EXACTLY[combination](run(first, rows[0]), run(second, rows[1]))
            expected = run(result, values).reshape(-1)[:length].astype(codes)
            out, scratch = guard.out((length,), np.uint8), guard.out((step.scratch_bytes,), np.uint8)
            for first_unit in range(step.units):
                step.run([x.view(np.uint8) for x in inputs], out, scratch, first_unit, first_unit + 1)
            np.testing.assert_array_equal(out.view(codes), expected)
            told += _compare_events(step, combination, (first, second, result), inputs, out)
    assert forms == {int(form) for form in Form} - {
        int(Form.HALVES),
        int(Form.REAL),
    }  # pieces that combinations lack
    assert told > number  # of two a case
    return number


if __name__ == "__main__":
    print(f"{main()} cases agree")
