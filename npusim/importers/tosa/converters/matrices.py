"""MATMUL."""

from __future__ import annotations

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.checks import require_rank, zero_point
from npusim.importers.tosa.graph import Operator
from npusim.steps.fields import Keeps
from npusim.steps.matmul import MatmulStep


def _matmul(operator: Operator, builder: Builder) -> None:
    for place in range(2):
        require_rank(operator, builder, place, 3)
    zeros = tuple({"x_zero": zero_point(operator, builder, place)} for place in (2, 3))
    values = [builder.value(operator, place, signed=True) for place in range(2)]
    made = builder.add(
        MatmulStep,
        builder.output(operator).name,
        values,
        operand_fields=zeros,
        fields={},
        keeps=Keeps.ACCUMULATORS,
    )
    builder.finish(operator, made)


CONVERTERS = {"MATMUL": _matmul}
