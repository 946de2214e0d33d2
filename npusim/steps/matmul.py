"""The matmul step: two computed matrices multiplied on the MAC array (A6, W3, W4)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, Literal

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.model import Shape
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
from npusim.spec.stages import BaseStage
from npusim.steps.base import (
    Executor,
    Step,
    TensorType,
    accumulator_type,
    activation_type,
    require_activations,
)
from npusim.steps.fields import Activation, FieldValues, Keeps, check_fields, field_hulls
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points


class MatmulStep(Step):
    """(..., rows, inner) times (..., inner, columns), for every leading index.

    Each operand goes through the operand pipeline, which takes its zero point off; a column adds the
    products in blocks of `lanes` along the inner axis, without bias.

    Attributes
    ----------
    operand_fields
        The registers of each input's operand pipeline.
    fields
        The registers of the result pipeline.
    activation
        Which clamp bounds an activation function set.
    keeps
        Whether the result pipeline runs, or the accumulators are the result.
    """

    kind: ClassVar[str] = "matmul"

    step: Literal["matmul"] = "matmul"
    operand_fields: tuple[FieldValues, FieldValues]
    fields: FieldValues
    activation: Activation = Activation.NONE
    keeps: Keeps = Keeps.CODES

    def operand_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What takes the zero point off an input."""
        return require_pipeline(datapath, self.kind, PipelineRole.OPERAND)

    def result_stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """The rescale pipeline; empty where accumulators are kept."""
        if self.keeps is Keeps.ACCUMULATORS:
            return ()
        return require_pipeline(datapath, self.kind, PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        stages = self.operand_stages(datapath)
        operands = [point for index in range(2) for point in stage_points(stages, operand_prefix(index))]
        return (*operands, "accumulator", *stage_points(self.result_stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        a, b = exactly(inputs, 2)
        make = accumulator_type if self.keeps is Keeps.ACCUMULATORS else activation_type
        return make(matmul_shape(a.shape, b.shape), datapath)

    def operand_ranges(self, inputs: Sequence[Interval], datapath: Datapath) -> tuple[Interval, Interval]:
        """What the operand pipelines make of some codes."""
        stages = self.operand_stages(datapath)
        first, second = (
            reach(stages, codes, field_hulls(fields))[-1] if stages else codes
            for codes, fields in zip(inputs, self.operand_fields, strict=True)
        )
        return first, second

    def reachable(
        self, inputs: Sequence[Interval], inner: int, datapath: Datapath
    ) -> tuple[Interval, Interval]:
        """What one block of products, and any prefix in any order, can be over some codes."""
        first, second = self.operand_ranges(inputs, datapath)
        products = (first * second).hull(Interval(0, 0))
        block = min(inner, datapath.mac.lanes)
        return products * Interval(block, block), products * Interval(inner, inner)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        stages = self.operand_stages(datapath)
        for index, (x, fields) in enumerate(zip(inputs, self.operand_fields, strict=True)):
            check_fields(fields, stages, datapath, x.shape[-1], f"operand_fields[{index}]")
        check_fields(self.fields, self.result_stages(datapath), datapath, inputs[1].shape[-1], "fields")

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        return prod(output.shape) * inputs[0].shape[-1]

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.matmul import MatmulExecutor

        return MatmulExecutor(self, inputs, output, datapath)


def matmul_shape(a: Shape, b: Shape) -> Shape:
    """The shape of a product of matrices.

    Raises
    ------
    InputError
        If they do not fit.

    Examples
    --------
    >>> matmul_shape((2, 5, 3), (2, 3, 7))
    (2, 5, 7)
    """
    if len(a) < 2 or a[:-2] != b[:-2] or len(b) != len(a) or a[-1] != b[-2]:
        raise InputError(
            "the matrices do not fit",
            key="inputs",
            found=(a, b),
            allowed="(..., rows, inner) and (..., inner, columns)",
        )
    return (*a[:-1], b[-1])
