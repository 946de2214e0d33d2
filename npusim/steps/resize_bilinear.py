"""The resize_bilinear step: pixels blended from four others by integer weights, rounded once (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import RESIZE_WEIGHT, PipelineRole
from npusim.errors import InputError
from npusim.files.arrays import IntegerVector
from npusim.geometry import image_shape
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import FieldValues, check_fields
from npusim.steps.pipelines import require_pipeline, stage_points


class ResizeBilinearStep(Step):
    """An image blended from rows y and y + 1, columns x and x + 1 of another; its scale stays.

    Attributes
    ----------
    rows, columns
        Of each new row (column) the first old one; the second follows, or is the same at the end.
    row_weights, column_weights
        The second one's weight, in units of ``2**-bits`` of the datapath's `resize_weight`.
    fields
        The registers of the resize pipeline.
    """

    kind: ClassVar[str] = "resize_bilinear"

    step: Literal["resize_bilinear"] = "resize_bilinear"
    rows: IntegerVector
    row_weights: IntegerVector
    columns: IntegerVector
    column_weights: IntegerVector
    fields: FieldValues

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rounds a blend."""
        return require_pipeline(datapath, "resize", PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return ("blend", *stage_points(self.stages(datapath)), "output")

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        channels = image_shape(only(inputs).shape)[2]
        return activation_type((self.rows.size, self.columns.size, channels), datapath)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        stages = self.stages(datapath)
        height, width, channels = image_shape(inputs[0].shape)
        check_fields(self.fields, stages, datapath, channels, "fields")
        weights = datapath.fields[RESIZE_WEIGHT].interval
        for key, found, allowed in (
            ("rows", self.rows, Interval(0, height - 1)),
            ("columns", self.columns, Interval(0, width - 1)),
            ("row_weights", self.row_weights, weights),
            ("column_weights", self.column_weights, weights),
        ):
            low, high = int(found.min()), int(found.max())
            if not Interval(low, high).within(allowed):
                wrong = low if low not in allowed else high
                raise InputError("out of range", key=key, found=wrong, allowed=str(allowed))
        for key, weight, first in (
            ("row_weights", self.row_weights, self.rows),
            ("column_weights", self.column_weights, self.columns),
        ):
            if weight.shape != first.shape:
                raise InputError(
                    "one weight per pixel is wanted", key=key, found=weight.size, allowed=str(first.size)
                )

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.resize_bilinear import ResizeBilinearExecutor

        return ResizeBilinearExecutor(self, inputs[0], output, datapath)


def blended(values: Interval, bits: int) -> Interval:
    """What blends of such codes can be: their weights add up to a whole."""
    return values * Interval(1 << (2 * bits), 1 << (2 * bits))
