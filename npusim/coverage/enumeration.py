"""Certificates by enumeration: every value that can come to a stage is looked at.

For pipelines that few values enter, such as sums of two codes: sets of values are followed stage by stage by
the spec, each stage's registers being free. What that leaves out, nothing can show. There is no search in
this, and so no second checker: the certificate says how many values were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from npusim.coverage.bins import At, Bin, Condition
from npusim.coverage.unit import PipelineUnit
from npusim.spec.stages import Add, BaseStage, Multiply, Saturate, ShiftLeft, ShiftRight, Wrap, field_name

MOST_RUNS = 1 << 20
"""Times that the spec may be asked for one stage."""

_FOLLOWED = (Add, Multiply, Saturate, ShiftLeft, ShiftRight, Wrap)
"""Stages that answer whatever their registers hold."""


@dataclass(frozen=True)
class EnumerationCertificate:
    """No value that comes to a stage is what a bin asks for.

    Attributes
    ----------
    values
        For each condition, how many different values come to what it looks at.
    """

    values: tuple[int, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"values": list(self.values)}


@dataclass(frozen=True)
class Enumeration:
    """What can come to each stage of a pipeline, whatever its registers hold; kept once it is known."""

    unit: PipelineUnit
    _known: dict[int, frozenset[int] | None] = field(default_factory=dict)

    def unreachable(self, wanted: Bin) -> EnumerationCertificate | None:
        """A certificate that nothing hits a bin; None if something may, or there is too much to look at."""
        counts = []
        for condition in wanted.conditions:
            values = self._looked_at(condition)
            if values is None or self._shows(condition, values):
                return None
            counts.append(len(values))
        return EnumerationCertificate(tuple(counts))

    def _looked_at(self, condition: Condition) -> frozenset[int] | None:
        plain = not condition.events and not condition.without and condition.at is At.ENTERING
        taken = condition.minus is None or condition.minus == field_name(condition.minus)
        known = plain and taken and condition.target is not None
        return self._entering(condition.stage) if known else None

    def _entering(self, stage: int) -> frozenset[int] | None:
        if stage not in self._known:
            self._known[stage] = self._follow(stage)
        return self._known[stage]

    def _follow(self, stage: int) -> frozenset[int] | None:
        if stage == 0:
            entering = self.unit.entering
            few = entering.high - entering.low < MOST_RUNS
            return frozenset(range(entering.low, entering.high + 1)) if few else None
        before = self._entering(stage - 1)
        if before is None:
            return None
        last = self.unit.stages[stage - 1]
        registers = self._registers(last, MOST_RUNS // max(1, len(before)))
        if registers is None:
            return None
        return frozenset(last.apply(value, held)[0] for held in registers for value in before)

    def _registers(self, stage: BaseStage, most: int) -> list[dict[str, int]] | None:
        """All that a stage's registers can hold; None if that is more than `most`."""
        if not isinstance(stage, _FOLLOWED) or any(
            str(operand).startswith("-") for operand in stage.operands()
        ):
            return None
        names = [name for operand in stage.operands() if (name := field_name(operand)) is not None]
        names = list(dict.fromkeys(names))
        count = 1
        for name in names:
            count *= self.unit.ranges[name].high - self.unit.ranges[name].low + 1
        if count > most:
            return None
        ranges = [range(self.unit.ranges[name].low, self.unit.ranges[name].high + 1) for name in names]
        return [dict(zip(names, held, strict=True)) for held in product(*ranges)]

    def _shows(self, condition: Condition, values: frozenset[int]) -> bool:
        target = condition.target
        assert target is not None
        return any(value - taken in target for taken in self._taken(condition) for value in values)

    def _taken(self, condition: Condition) -> Iterator[int]:
        """What the operand that a condition takes off may be under its pins."""
        if condition.minus is None:
            yield 0
            return
        held = [pin.value for pin in condition.pins if pin.operands == (condition.minus,)]
        allowed = self.unit.ranges[str(condition.minus)]
        yield from held or range(allowed.low, allowed.high + 1)
