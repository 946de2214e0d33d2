"""Coverage bins: arithmetic situations, each with a predicate on what the spec did."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from npusim.coverage.residues import Residues
from npusim.coverage.unit import Observation, PipelineUnit
from npusim.spec.events import NO_EVENTS, Events
from npusim.spec.stages import Operand
from npusim.spec.stages.base import value_of


class BinClass(StrEnum):
    """Why a bin is there: the kind of mistake that only its vectors show."""

    TIE = "tie"
    NEAR_TIE = "near tie"
    """The neighbours of ties; what rounds without being one."""
    SHIFT = "shift"
    """Every value of every shift field, corners of their sums."""
    MULTIPLIER = "multiplier"
    """Extremes of multipliers, also with extremes of what they multiply."""
    ENDS = "ends"
    """Extremes of what enters; both sides of both ends of registers and clamps."""
    BOUND = "bound"
    """Extremes of the registers that clamp."""
    ZERO_POINT = "zero point"
    """Extremes of what is added."""
    DIVISOR = "divisor"
    """Extremes of divisors; the rests of odd ones that are nearest to a half."""
    DIGITS = "digits"
    """Every number of significant digits that are kept, where one more would differ."""
    TABLE = "table"
    """Entries, and the ways between them."""
    SCALE = "scale"
    """Extremes of float scales, and of conversions."""
    OVERFLOW = "overflow"
    """The first overflow of each sign at each beat; both ends of the accumulator."""
    BEAT = "beat"
    """Extremes of one beat's sum."""
    PAIR = "operand pair"
    """Corner codes that meet in a lane."""
    LANE = "lane"
    """One lane of one beat alone."""
    BIAS = "bias"


class At(StrEnum):
    """Which value of a stage a condition looks at."""

    ENTERING = "entering"
    """What enters the stage."""
    EXACT = "exact"
    """Its result before the register."""


@dataclass(frozen=True)
class Pin:
    """Operands whose sum must be `value`; one operand: a register that must hold it."""

    operands: tuple[Operand, ...]
    value: int


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What must hold at one stage, all of it.

    Attributes
    ----------
    target
        Where the value must lie; less the operand `minus`, if there is one. None: anywhere.
    events, without
        What the stage must report, and must not.
    """

    stage: int
    pins: tuple[Pin, ...] = ()
    at: At = At.ENTERING
    minus: Operand | None = None
    target: Residues | None = None
    events: Events = NO_EVENTS
    without: Events = NO_EVENTS

    def holds(self, unit: PipelineUnit, seen: Observation) -> bool:
        """Whether an observation shows it."""
        for pin in self.pins:
            if sum(value_of(operand, seen.fields) for operand in pin.operands) != pin.value:
                return False
        happened = seen.trace.events[self.stage]
        if not self.events <= happened or self.without & happened:
            return False
        if self.target is None:
            return True
        value = seen.entering[self.stage]
        if self.at is At.EXACT:
            value, _ = unit.stages[self.stage].exact(value, seen.fields)
        return value - (0 if self.minus is None else value_of(self.minus, seen.fields)) in self.target


@dataclass(frozen=True)
class Bin:
    """One situation; any of its conditions shows it.

    Attributes
    ----------
    name
        Rule of the data sheet, pipeline, stage, situation: ``W4.mac.result.1_shift_right.tie_negative.by_7``.
    about
        Its class.
    """

    name: str
    about: BinClass
    conditions: tuple[Condition, ...]

    def hit(self, unit: PipelineUnit, seen: Observation) -> bool:
        """Whether an observation shows it."""
        return any(condition.holds(unit, seen) for condition in self.conditions)
