"""The bins of a MAC column: overflows and extremes by beat, operand corners by lane, biases, zero points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from npusim.coverage.bins import BinClass
from npusim.coverage.column_unit import ColumnUnit, ColumnVector, Write
from npusim.coverage.register_bins import patterns
from npusim.spec.interval import Interval


class ColumnKind(StrEnum):
    """What a bin of a column is about."""

    FIRST_OVERFLOW = "first_overflow"
    """The first write whose sum is beyond one end of the accumulator."""
    DISTANCE = "distance"
    """A first write that is so many bits away from one end of the accumulator, on either side."""
    AT_END = "at_end"
    """A write that makes one end of the accumulator exactly, without overflow."""
    BEAT_EXTREME = "beat_extreme"
    """A beat whose sum is the least or the greatest one."""
    BEAT_SUM = "beat_sum"
    """A first beat whose sum is a power of two, or the negative of one."""
    TREE_OVERFLOW = "tree_overflow"
    """A beat whose sum is beyond one end of the tree's register."""
    PAIR = "pair"
    """Two corner codes meet in one lane."""
    ALONE = "alone"
    """One lane of one beat makes the only product that is not zero."""
    REGISTER = "register"
    """The bias or a zero point holds a corner value."""


@dataclass(frozen=True)
class ColumnBin:
    """One situation of a column.

    Attributes
    ----------
    place
        The index of the write; for pairs the lane.
    high
        At or beyond which end.
    values
        The codes of a pair, the lane of a lone product, what a register holds, a beat's sum; the least
        and the greatest distance beyond an end, negative before it.
    """

    name: str
    kind: ColumnKind
    place: int = 0
    high: bool = True
    values: tuple[int, ...] = ()
    register: str = field(default="")

    @property
    def about(self) -> BinClass:
        """Its class."""
        if self.kind is ColumnKind.REGISTER:
            return BinClass.BIAS if self.register == "bias" else BinClass.ZERO_POINT
        return _ABOUT[self.kind]

    def hit(self, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
        """Whether a vector shows it, given what the spec made of it."""
        return _HIT[self.kind](self, unit, vector, writes)


def column_bins(unit: ColumnUnit) -> tuple[ColumnBin, ...]:
    """All bins of a column."""
    return tuple(_all(unit))


def corners(codes: Interval) -> list[int]:
    """The codes that operands, biases and zero points are tried with."""
    return [code for code in dict.fromkeys([codes.low, -1, 0, 1, codes.high]) if code in codes]


def _all(unit: ColumnUnit) -> Iterator[ColumnBin]:
    rule = f"A5.{unit.name}"
    ends = {"low": False, "high": True}
    for place, (end, high) in product(range(unit.writes), ends.items()):
        where = "late_bias" if place == unit.beats else f"beat_{place}"
        for kind in (ColumnKind.FIRST_OVERFLOW, ColumnKind.AT_END):
            yield ColumnBin(f"{rule}.accumulator.{kind}_{end}.{where}", kind, place, high)
    for bits, (end, high) in product(range(1, unit.beat.bits + 1), ends.items()):
        near, far = 1 << bits - 1, (1 << bits) - 1
        for what, distances in (("beyond", (near, far)), ("within", (-far, -near))):
            name = f"{rule}.accumulator.{bits}_bits_{what}_{end}"
            yield ColumnBin(name, ColumnKind.DISTANCE, 0, high, distances)
    for power in range(unit.beat.bits):
        for value in (1 << power, -1 << power):
            if value in unit.beat:
                yield ColumnBin(f"{rule}.beat.sum_is_{value}", ColumnKind.BEAT_SUM, values=(value,))
    for beat, (end, high) in product(range(unit.beats), ends.items()):
        yield ColumnBin(f"{rule}.beat.extreme_{end}.beat_{beat}", ColumnKind.BEAT_EXTREME, beat, high)
        if unit.datapath.mac.tree is not None:
            yield ColumnBin(f"{rule}.tree.overflow_{end}.beat_{beat}", ColumnKind.TREE_OVERFLOW, beat, high)
    for lane, x, w in product(range(unit.lanes), corners(unit.activation), corners(unit.weight)):
        yield ColumnBin(f"A6.{unit.name}.lane_{lane}.{x}_times_{w}", ColumnKind.PAIR, lane, values=(x, w))
    for beat, lane in product(range(unit.beats), range(unit.lanes)):
        name = f"A6.{unit.name}.lane_{lane}.alone.beat_{beat}"
        yield ColumnBin(name, ColumnKind.ALONE, beat, values=(lane,))
    for register in ("bias", "x_zero", "weight_zero"):
        held: Interval = getattr(unit, register)
        for value in dict.fromkeys([*corners(held), *patterns(held)]) if held.low < held.high else ():
            name = f"A.{unit.name}.{register}_is_{value}"
            yield ColumnBin(name, ColumnKind.REGISTER, values=(value,), register=register)


def _overflows(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    register = unit.accumulator
    earlier = all(register.holds(write.exact) and write.tree_fits for write in writes[: one.place])
    write = writes[one.place]
    beyond = write.exact > register.high if one.high else write.exact < register.low
    return earlier and write.tree_fits and beyond


def _distance(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    exact = writes[0].exact
    beyond = exact - unit.accumulator.high if one.high else unit.accumulator.low - exact
    return writes[0].tree_fits and one.values[0] <= beyond <= one.values[1]


def _at_end(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    return writes[one.place].exact == (unit.accumulator.high if one.high else unit.accumulator.low)


def _extreme(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    return writes[one.place].tree_exact == (unit.beat.high if one.high else unit.beat.low)


def _beat_sum(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    return (writes[one.place].tree_exact,) == one.values


def _tree(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    write = writes[one.place]
    return not write.tree_fits and (write.tree_exact > 0) == one.high


def _pair(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    beats = zip(vector.activations, vector.weights, strict=True)
    return any((xs[one.place], ws[one.place]) == one.values for xs, ws in beats)


def _alone(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    found = [
        (beat, lane)
        for beat, pairs in enumerate(unit.pairs(vector))
        for lane, (x, w) in enumerate(pairs)
        if x * w
    ]
    return found == [(one.place, one.values[0])]


def _register(one: ColumnBin, unit: ColumnUnit, vector: ColumnVector, writes: Sequence[Write]) -> bool:
    return (getattr(vector, one.register),) == one.values


_ABOUT = {
    ColumnKind.FIRST_OVERFLOW: BinClass.OVERFLOW,
    ColumnKind.DISTANCE: BinClass.OVERFLOW,
    ColumnKind.AT_END: BinClass.OVERFLOW,
    ColumnKind.BEAT_EXTREME: BinClass.BEAT,
    ColumnKind.BEAT_SUM: BinClass.BEAT,
    ColumnKind.TREE_OVERFLOW: BinClass.OVERFLOW,
    ColumnKind.PAIR: BinClass.PAIR,
    ColumnKind.ALONE: BinClass.LANE,
}

_HIT: dict[ColumnKind, Callable[[ColumnBin, ColumnUnit, ColumnVector, Sequence[Write]], bool]] = {
    ColumnKind.FIRST_OVERFLOW: _overflows,
    ColumnKind.DISTANCE: _distance,
    ColumnKind.AT_END: _at_end,
    ColumnKind.BEAT_EXTREME: _extreme,
    ColumnKind.BEAT_SUM: _beat_sum,
    ColumnKind.TREE_OVERFLOW: _tree,
    ColumnKind.PAIR: _pair,
    ColumnKind.ALONE: _alone,
    ColumnKind.REGISTER: _register,
}
