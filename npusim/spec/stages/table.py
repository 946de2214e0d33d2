"""A8: a table, addressed by code, direct or interpolated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages.base import NO_EVENTS, BaseStage, Events, Fields, Ranges
from npusim.spec.width import Width


@dataclass(frozen=True, kw_only=True)
class Table(BaseStage):
    """Look the value up; between entries, go on a straight line.

    The address is ``value + 2**(index_bits + fraction_bits - 1)`` for signed values: its high
    `index_bits` choose the entry, its low `fraction_bits` the way to the next one. A direct table
    has 2**index_bits entries, an interpolated one has one more. Without `rounding` the interpolated
    result keeps its fraction bits.
    """

    stage: Literal["table"] = "table"
    table: str = "table"
    index_bits: int
    fraction_bits: int = 0
    index_signed: bool = True
    rounding: Rounding | None = None

    @property
    def address(self) -> Width:
        """The width of the values it can be asked for."""
        return Width(self.index_bits + self.fraction_bits, self.index_signed)

    @property
    def entries(self) -> int:
        """How many entries the table must have."""
        return (1 << self.index_bits) + (1 if self.fraction_bits else 0)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        table = fields[self.table]
        if not isinstance(table, Sequence):
            raise TypeError(f"field {self.table} is a number, not a table")
        address = value - self.address.low
        index = address >> self.fraction_bits
        if not self.fraction_bits:
            return table[index], NO_EVENTS
        fraction = address - (index << self.fraction_bits)
        scaled = (table[index] << self.fraction_bits) + (table[index + 1] - table[index]) * fraction
        return (
            (scaled, NO_EVENTS)
            if self.rounding is None
            else shift_right(scaled, self.fraction_bits, self.rounding)
        )

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        if not value.within(Interval.of(self.address)):
            raise ValueError(f"the table is addressed by {self.address}, but the value reaches {value}")
        entries = ranges[self.table]
        if self.fraction_bits and self.rounding is None:
            return entries * Interval(1 << self.fraction_bits, 1 << self.fraction_bits)
        return entries
