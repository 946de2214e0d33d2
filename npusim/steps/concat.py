"""The concat step: copies of its inputs, each rescaled where its codes mean something else (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.model import Shape
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import FieldValues, check_fields
from npusim.steps.pipelines import operand_prefix, require_pipeline, stage_points
from npusim.steps.words import widest


class ConcatStep(Step):
    """Tensors behind each other along an axis.

    Attributes
    ----------
    axis
        Without the batch; negative axes count from the end.
    operand_fields
        Per input the registers of the operand pipeline; null: its codes are copied.
    """

    kind: ClassVar[str] = "concat"

    step: Literal["concat"] = "concat"
    axis: Annotated[int, Field(ge=-8, le=7)] = -1
    operand_fields: tuple[FieldValues | None, ...]

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rescales an input."""
        return require_pipeline(datapath, "concat", PipelineRole.OPERAND)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        points: list[str] = []
        for index, fields in enumerate(self.operand_fields):
            if fields is not None:
                points += stage_points(self.stages(datapath), operand_prefix(index))
        return (*points, "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        shape = concat_shape([x.shape for x in inputs], self.axis)
        return widest(inputs).replace(shape=shape) if self._copies else activation_type(shape, datapath)

    @property
    def _copies(self) -> bool:
        """Whether no pipeline runs: then tensors of any codes will do."""
        return all(fields is None for fields in self.operand_fields)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        if not self._copies:
            require_activations(inputs, datapath)
        if len(self.operand_fields) != len(inputs):
            raise InputError(
                "one entry per input is wanted",
                key="operand_fields",
                found=len(self.operand_fields),
                allowed=str(len(inputs)),
            )
        for index, (x, fields) in enumerate(zip(inputs, self.operand_fields, strict=True)):
            if fields is not None:
                key = f"operand_fields[{index}]"
                check_fields(fields, self.stages(datapath), datapath, x.shape[-1], key)

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.concat import ConcatExecutor

        return ConcatExecutor(self, inputs, output, datapath)


def concat_shape(shapes: Sequence[Shape], axis: int) -> Shape:
    """The shape of tensors behind each other.

    Raises
    ------
    InputError
        If there are none, the axis does not exist, or they differ elsewhere.

    Examples
    --------
    >>> concat_shape([(4, 4, 3), (4, 4, 5)], -1)
    (4, 4, 8)
    """
    if not shapes:
        raise InputError("nothing to concatenate", key="inputs", allowed="at least one input")
    first = shapes[0]
    if not -len(first) <= axis < len(first):
        allowed = f"{-len(first)}..{len(first) - 1} for the shape {first}"
        raise InputError("no such axis", key="axis", found=axis, allowed=allowed)
    place = axis % len(first)
    for index, shape in enumerate(shapes):
        rest = (*shape[:place], *shape[place + 1 :])
        if len(shape) != len(first) or rest != (*first[:place], *first[place + 1 :]):
            raise InputError(
                f"shapes may differ along axis {axis} only",
                key=f"inputs[{index}]",
                found=shape,
                allowed=f"like {first}",
            )
    return (*first[:place], sum(shape[place] for shape in shapes), *first[place + 1 :])
