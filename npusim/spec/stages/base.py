"""What every stage of a pipeline has in common (ARITHMETIC.md A).

A stage computes exactly, then writes its result into a register: without a declared width the
register is as wide as the result needs; a declared width must be proven sufficient when the
datapath loads, unless an overflow rule says what happens otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from npusim.spec.events import NO_EVENTS, Events
from npusim.spec.interval import Interval
from npusim.spec.width import Overflow, Width, into

Operand = int | str
"""A constant, the name of a field, or `-name` for a field's negative."""

Fields = Mapping[str, int | Sequence[int]]
"""A channel's register fields: integers, and tables as sequences."""

Ranges = Mapping[str, Interval]
"""What each field may hold."""

STRICT = {"extra": "forbid"}
"""Datapath files are validated against these classes; unknown keys are errors."""


def field_name(operand: Operand) -> str | None:
    """The field an operand reads; None for a constant."""
    return operand.removeprefix("-") if isinstance(operand, str) else None


def value_of(operand: Operand, fields: Fields) -> int:
    """The integer an operand stands for."""
    if isinstance(operand, int):
        return operand
    value = fields[operand.removeprefix("-")]
    if not isinstance(value, int):
        raise TypeError(f"field {operand} is a table, not a number")
    return -value if operand.startswith("-") else value


def range_of(operand: Operand, ranges: Ranges) -> Interval:
    """The integers an operand may stand for."""
    if isinstance(operand, int):
        return Interval(operand, operand)
    found = ranges[operand.removeprefix("-")]
    return -found if operand.startswith("-") else found


@dataclass(frozen=True, kw_only=True)
class BaseStage:
    """One primitive of a pipeline.

    Parameters
    ----------
    stage
        Its kind, as the datapath's YAML names it.
    bits, signed
        The declared width of the result register.
    overflow
        What the register does with a result that does not fit; None: it always fits.
    rule
        The data sheet's identifier of this stage, such as ``W4``.
    """

    __pydantic_config__ = STRICT

    stage: str = ""
    bits: int | None = None
    signed: bool = True
    overflow: Overflow | None = None
    rule: str | None = None

    @property
    def register(self) -> Width | None:
        """The declared width."""
        return None if self.bits is None else Width(self.bits, self.signed)

    def operands(self) -> tuple[Operand, ...]:
        """Everything the stage reads besides the value."""
        return ()

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        """The result before it is written into the register."""
        raise NotImplementedError

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        """All results before the register, for all values and all fields."""
        raise NotImplementedError

    def apply(self, value: int, fields: Fields) -> tuple[int, Events]:
        """The stage: compute exactly, then write into the register."""
        result, events = self.exact(value, fields)
        if self.register is None or self.overflow is None:
            return result, events
        result, overflowed = into(result, self.register, self.overflow)
        return result, (events | overflowed if overflowed else events)

    def reach(self, value: Interval, ranges: Ranges) -> Interval:
        """A2: all results, for all values and all fields."""
        result = self.exact_reach(value, ranges)
        if self.register is None or self.overflow is None:
            return result
        register = Interval.of(self.register)
        if self.overflow is Overflow.WRAP:
            return result if result.within(register) else register
        return result.clamped(register)


__all__ = ["NO_EVENTS", "BaseStage", "Events", "Fields", "Operand", "Ranges", "field_name"]
