"""W5: elementwise addition. Each operand has its pipeline, the sum has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.spec.pipeline import Trace, run
from npusim.spec.stages import BaseStage, Fields


@dataclass(frozen=True)
class Sum:
    """An addition's operands, exact sum and result."""

    operands: tuple[Trace, ...]
    total: int
    result: Trace


def add(
    codes: Sequence[int],
    operand_pipeline: Sequence[BaseStage],
    operand_fields: Sequence[Fields],
    result_pipeline: Sequence[BaseStage],
    result_fields: Fields,
) -> Sum:
    """Add codes: align each by its operand pipeline, sum exactly, rescale by the result pipeline."""
    traces = tuple(
        run(operand_pipeline, code, fields) for code, fields in zip(codes, operand_fields, strict=True)
    )
    total = sum(trace.result for trace in traces)
    return Sum(traces, total, run(result_pipeline, total, result_fields))
