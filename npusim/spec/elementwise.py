"""W5: elementwise sums, differences, products. Each operand has its pipeline, the result has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from npusim.spec.interval import Interval
from npusim.spec.pipeline import Trace, run
from npusim.spec.stages import BaseStage, Fields


class Combination(StrEnum):
    """What is done with the two operand pipelines' results, exactly."""

    SUM = "sum"
    DIFFERENCE = "difference"
    PRODUCT = "product"

    def of(self, a: int, b: int) -> int:
        """Combine two integers."""
        match self:
            case Combination.SUM:
                return a + b
            case Combination.DIFFERENCE:
                return a - b
            case Combination.PRODUCT:
                return a * b

    def reach(self, a: Interval, b: Interval) -> Interval:
        """All results for all integers of two intervals."""
        match self:
            case Combination.SUM:
                return a + b
            case Combination.DIFFERENCE:
                return a + -b
            case Combination.PRODUCT:
                return a * b


@dataclass(frozen=True)
class Combined:
    """Two operands, their exact combination and its result."""

    operands: tuple[Trace, Trace]
    exact: int
    result: Trace


def combine(
    combination: Combination,
    codes: tuple[int, int],
    operand_pipeline: Sequence[BaseStage],
    operand_fields: tuple[Fields, Fields],
    result_pipeline: Sequence[BaseStage],
    result_fields: Fields,
) -> Combined:
    """Align two codes by the operand pipeline, combine them exactly, rescale by the result pipeline."""
    a, b = (run(operand_pipeline, code, fields) for code, fields in zip(codes, operand_fields, strict=True))
    exact = combination.of(a.result, b.result)
    return Combined((a, b), exact, run(result_pipeline, exact, result_fields))


class Choice(StrEnum):
    """W7: which of two codes of one scale an elementwise step takes."""

    MINIMUM = "minimum"
    MAXIMUM = "maximum"

    def of(self, a: int, b: int) -> int:
        """Choose."""
        return min(a, b) if self is Choice.MINIMUM else max(a, b)

    def reach(self, a: Interval, b: Interval) -> Interval:
        """All choices for all integers of two intervals."""
        return Interval(self.of(a.low, b.low), self.of(a.high, b.high))
