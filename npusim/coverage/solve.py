"""Vectors for bins: solved for backwards, then confirmed by the spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice, product

from npusim.coverage.backward import preimage_sets, preimages
from npusim.coverage.bins import At, Bin, Condition, Pin
from npusim.coverage.residues import Residues
from npusim.coverage.unit import PipelineUnit, PipelineVector, Registers
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
from npusim.spec.stages import (
    BaseStage,
    Clamp,
    Divide,
    FloatStage,
    Multiply,
    SelectNegative,
    ShiftRight,
    Significant,
    Table,
    field_name,
)
from npusim.spec.stages.base import value_of

BUDGET = 4000
"""Candidates that the spec is asked about, for one condition."""

_PER_PATTERN = 4
"""Of those, for each of the values that may make an event happen."""


def solve(unit: PipelineUnit, wanted: Bin) -> PipelineVector | None:
    """A vector that hits a bin; None if none was found."""
    return next(solutions(unit, wanted), None)


def solutions(unit: PipelineUnit, wanted: Bin, budget: int = BUDGET) -> Iterator[PipelineVector]:
    """Vectors that hit a bin, as many as `budget` candidates for each condition find."""
    for condition in wanted.conditions:
        for candidate in islice(_candidates(unit, condition), budget):
            for vector in (completed(unit, candidate, shows=True), completed(unit, candidate)):
                if unit.problem(vector) is None and condition.holds(unit, unit.observe(vector)):
                    yield vector
                    break


def _candidates(unit: PipelineUnit, condition: Condition) -> Iterator[PipelineVector]:
    for held in pinned(unit, condition.pins):
        for fields, target, stages, reached in _goals(unit, condition, held):
            found = preimages(unit, stages, target, fields, reached)
            yield from islice(found, _PER_PATTERN if condition.events else None)


def value_sets(unit: PipelineUnit, condition: Condition, held: Registers) -> Iterator[Residues]:
    """Values that may show a condition, all registers being given; what comes of it must be confirmed."""
    for fields, target, stages, reached in _goals(unit, condition, held):
        for values, _ in preimage_sets(unit, stages, target, fields, reached):
            yield values


def _goals(
    unit: PipelineUnit, condition: Condition, pinned: Registers
) -> Iterator[tuple[Registers, Residues, Sequence[BaseStage], list[Interval]]]:
    """Registers, what shall leave some stages, those stages, and what can leave each."""
    for fields, target, at in _targets(unit, condition, pinned):
        until = condition.stage + (at is At.EXACT)
        stages = unit.stages[:until]
        ranges = unit.ranges | {
            name: Interval(held, held) for name, held in fields.items() if isinstance(held, int)
        }
        reached = [unit.entering, *reach(stages, unit.entering, ranges)]
        if at is At.EXACT:
            reached[-1] = stages[-1].exact_reach(reached[-2], ranges)
        yield fields, target, stages, reached


def pinned(unit: PipelineUnit, pins: Sequence[Pin]) -> Iterator[Registers]:
    """Registers that satisfy all pins, a few ways."""
    ways = [list(islice(_ways(unit, pin), 3)) for pin in pins]
    for combined in product(*ways):
        merged: Registers = {}
        for way in combined:
            merged |= way
        if all(sum(value_of(o, merged) for o in pin.operands) == pin.value for pin in pins):
            yield merged


def _ways(unit: PipelineUnit, pin: Pin) -> Iterator[Registers]:
    """Registers whose operands sum to the pin's value: the first takes as much as it can, then the last."""
    for order in (pin.operands, pin.operands[::-1]):
        names = [name for name in map(field_name, order) if name is not None]
        held: Registers = {name: unit.ranges[name].low for name in names}
        for operand, name in zip([o for o in order if field_name(o) is not None], names, strict=True):
            missing = pin.value - sum(value_of(o, held) for o in pin.operands)
            sign = -1 if str(operand).startswith("-") else 1
            now = held[name]
            assert isinstance(now, int)
            held[name] = _nearest(now + sign * missing, unit.ranges[name])
        if sum(value_of(o, held) for o in pin.operands) == pin.value:
            yield held


def _nearest(value: int, allowed: Interval) -> int:
    return min(max(value, allowed.low), allowed.high)


def _targets(
    unit: PipelineUnit, condition: Condition, pinned: Registers
) -> Iterator[tuple[Registers, Residues, At]]:
    """Registers and absolute targets: relative ones made absolute, events given likely values."""
    stage = unit.stages[condition.stage]
    target = condition.target or Residues(-(1 << 80), 1 << 80)
    if condition.minus is not None:
        name = field_name(condition.minus)
        assert isinstance(stage, Clamp)
        for bound in _bounds(unit, name, pinned):
            fields = {**pinned, **({} if name is None else {name: bound})}
            yield fields, target.moved(value_of(condition.minus, fields)), condition.at
        return
    if not condition.events:
        yield pinned, target, condition.at
        return
    for chosen in _eventful(unit, condition, pinned):
        for value in _addresses(stage) if isinstance(stage, Table) else _patterns():
            if condition.at is At.EXACT or value in target:
                yield {**pinned, **chosen}, Residues(value, value), At.ENTERING


def _bounds(unit: PipelineUnit, name: str | None, pinned: Registers) -> list[int]:
    if name is None:
        return [0]
    held = pinned.get(name)
    if isinstance(held, int):
        return [held]
    allowed = unit.ranges[name]
    liked = [0, 1, -1, allowed.low + 1, allowed.high - 1, allowed.low, allowed.high]
    return [value for value in dict.fromkeys(liked) if value in allowed]


def _addresses(stage: Table) -> list[int]:
    """Half and a quarter of the way behind some entries."""
    step, entries = 1 << stage.fraction_bits, 1 << stage.index_bits
    starts = [stage.address.low + step * entry for entry in range(0, entries, max(1, entries // 8))]
    return [start + step // part for start in starts for part in (2, 4)]


def _patterns() -> list[int]:
    """Values near powers of two, the small ones first."""
    found = [0]
    for bit in range(65):
        for value in ((1 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << bit, (1 << bit) + 3):
            found += [value, -value]
    return list(dict.fromkeys(found))


def _eventful(unit: PipelineUnit, condition: Condition, pinned: Registers) -> Iterator[Registers]:
    """What a stage's own registers may hold for it to round, tie or saturate."""
    stage = unit.stages[condition.stage]
    if isinstance(stage, FloatStage) and field_name(stage.scale) not in pinned:
        for power in (60, -1, -2, 0, 20, -24):
            yield {str(field_name(stage.scale)): stage.format.encode(Fraction(2) ** power)}
    elif isinstance(stage, Table):
        allowed, middle = unit.ranges[stage.table], (1 << stage.index_bits) // 2
        steep = [_nearest(3 * (index - middle), allowed) for index in range(stage.entries)]
        flat = [_nearest(index - middle, allowed) for index in range(stage.entries)]
        yield {stage.table: tuple(flat)}
        yield {stage.table: tuple(steep)}
    elif isinstance(stage, Significant) and field_name(stage.digits) is not None:
        name = str(field_name(stage.digits))
        for digits in (1, 2, 8, 24):
            if digits in unit.ranges[name] and name not in pinned:
                yield {name: digits}
        if name in pinned:
            yield {}
    else:
        yield {}


def completed(unit: PipelineUnit, candidate: PipelineVector, *, shows: bool = False) -> PipelineVector:
    """Registers that nothing was wanted of get values that change little.

    With `shows`, free shifts are chosen so that the result is large but not clipped, so that what the
    other registers did shows in it.
    """
    fields = dict(candidate.fields)
    value = candidate.value
    for stage in unit.stages:
        if shows and isinstance(stage, ShiftRight):
            fields |= _fitting(unit, stage, value, fields)
        for index, operand in enumerate(stage.operands()):
            name = field_name(operand)
            if name is not None and name not in fields:
                fields[name] = _bland(unit, stage, index, name, fields)
        if isinstance(stage, Table) and stage.table not in fields:
            allowed, middle = unit.ranges[stage.table], stage.entries // 2
            fields[stage.table] = tuple(_nearest(index - middle, allowed) for index in range(stage.entries))
        if shows and not _refused(stage, fields):
            value = stage.apply(value, fields)[0]
    return PipelineVector(candidate.value, {name: fields[name] for name in unit.names})


def _bland(unit: PipelineUnit, stage: BaseStage, index: int, name: str, fields: Registers) -> int:
    """What a register of a stage holds to change little."""
    allowed = unit.ranges[name]
    if isinstance(stage, Clamp):
        other = field_name(stage.low if index else stage.high)
        limit = fields.get(other or "", allowed.high if index else allowed.low)
        end = allowed.high if index else allowed.low
        assert isinstance(limit, int)
        return _nearest(max(end, limit) if index else min(end, limit), allowed)
    if isinstance(stage, FloatStage):
        return stage.format.encode(Fraction(1))
    if isinstance(stage, (Multiply, SelectNegative, Divide)):
        return _nearest(1, allowed)
    return allowed.high if isinstance(stage, Significant) else _nearest(0, allowed)


def _fitting(unit: PipelineUnit, stage: ShiftRight, value: int, fields: Registers) -> Registers:
    """Free fields of a shift that leave as many bits of a value as a code has, less one."""
    free = [n for o in stage.by if (n := field_name(o)) is not None and n not in fields and o == n]
    chosen: Registers = {name: unit.ranges[name].low for name in free}
    given = {**fields, **chosen}
    if any(field_name(operand) not in (None, *given) for operand in stage.by):
        return {}
    missing = value.bit_length() - unit.datapath.activation.bits + 2 - sum(
        value_of(operand, given) for operand in stage.by
    )  # fmt: skip
    for name in free:
        low = unit.ranges[name].low
        more = min(max(0, missing), unit.ranges[name].high - low)
        chosen[name], missing = low + more, missing - more
    return chosen


def _refused(stage: BaseStage, fields: Registers) -> bool:
    """Whether a stage does not compute with such registers."""
    if isinstance(stage, FloatStage):
        return True
    if isinstance(stage, Clamp):
        return value_of(stage.low, fields) > value_of(stage.high, fields)
    shifts = sum(value_of(o, fields) for o in stage.by) if isinstance(stage, ShiftRight) else 0
    return shifts < 0
