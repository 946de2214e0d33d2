"""The average_pool step: sums of windows, rescaled by one multiplier per window size (W6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import only
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.files.arrays import IntegerVector
from npusim.geometry import image_shape
from npusim.model import Pads, Pair
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage, Divide
from npusim.steps.base import Executor, Step, TensorType, activation_type, require_activations
from npusim.steps.fields import FieldValues, check_field, check_fields
from npusim.steps.pipelines import require_pipeline, stage_points
from npusim.steps.pool_windows import pixels_inside, window_counts


def averages_codes(datapath: Datapath) -> bool:
    """Whether an average pool of this datapath divides sums of codes and rescales nothing."""
    pipeline = datapath.pipeline("average_pool")
    return pipeline is not None and any(isinstance(stage, Divide) for stage in pipeline.result or ())


class AveragePoolStep(Step):
    """Averages of windows; of a whole image where the kernel is as large as it.

    Attributes
    ----------
    count_padding
        Whether padding counts in a window's size. It never adds to its sum.
    keep_dims
        False: rows and columns of a one-pixel result are dropped, a vector is left.
    x_zero
        The input's zero point, taken off each code.
    counts
        Every window size that occurs, ascending.
    multipliers
        For each the multiplier that folds ``S_x / (S_y * size)``; null: the pipeline divides by the size
        itself, its field `count`.
    shifts
        For each the `shift` that goes with its multiplier; null: all share that of `fields`.
    fields
        The other registers of the result pipeline.
    """

    kind: ClassVar[str] = "average_pool"

    step: Literal["average_pool"] = "average_pool"
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    count_padding: bool = False
    keep_dims: bool = True
    x_zero: int
    counts: IntegerVector
    multipliers: IntegerVector | None = None
    shifts: IntegerVector | None = None
    fields: FieldValues

    def stages(self, datapath: Datapath) -> tuple[BaseStage, ...]:
        """What rescales a sum."""
        return require_pipeline(datapath, "average_pool", PipelineRole.RESULT)

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        return ("accumulator", *stage_points(self.stages(datapath)), "output")

    def fields_of(self, index: int) -> FieldValues:
        """The registers for windows of size ``counts[index]``."""
        if self.multipliers is None:
            return {**self.fields, "count": int(self.counts[index])}
        fields = {**self.fields, "multiplier": int(self.multipliers[index])}
        return fields if self.shifts is None else {**fields, "shift": int(self.shifts[index])}

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        rows, columns, channels = image_shape(only(inputs).shape)
        size = pixels_inside((rows, columns), self.kernel, self.stride, self.padding).shape
        if self.keep_dims:
            return activation_type((size[0], size[1], channels), datapath)
        if size != (1, 1):
            raise InputError(
                "only a one-pixel result can drop its rows and columns",
                key="keep_dims",
                found=False,
                allowed=f"true, since the result has {size[0]} x {size[1]} pixels",
            )
        return activation_type((channels,), datapath)

    def reachable(self, x: TensorType) -> Interval:
        """The sums of all windows over all codes."""
        rows, columns, _ = image_shape(x.shape)
        most = int(pixels_inside((rows, columns), self.kernel, self.stride, self.padding).max())
        codes = x.codes.interval
        # The zero point is a code, so partial sums and smaller windows stay inside.
        return Interval(codes.low - self.x_zero, codes.high - self.x_zero) * Interval(most, most)

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        require_activations(inputs, datapath)
        (x,) = inputs
        if self.x_zero not in x.codes.interval:
            raise InputError(
                "no code of the input", key="x_zero", found=self.x_zero, allowed=str(x.codes.interval)
            )
        self._check_counts(x)
        self._check_multipliers(x, datapath)
        register = Interval.of(datapath.mac.accumulator.register)
        if not self.reachable(x).within(register):
            raise InputError(
                "sums of such windows can leave the accumulator",
                key="kernel",
                found=str(self.reachable(x)),
                allowed=str(register),
            )

    def _check_counts(self, x: TensorType) -> None:
        rows, columns, _ = image_shape(x.shape)
        occurring = np.unique(
            window_counts((rows, columns), self.kernel, self.stride, self.padding, self.count_padding)
        )
        if not np.array_equal(self.counts, occurring):
            raise InputError(
                "not the window sizes that occur, ascending",
                key="counts",
                found=self.counts.tolist(),
                allowed=str(occurring.tolist()),
            )
        for key, given in (("multipliers", self.multipliers), ("shifts", self.shifts)):
            if given is not None and given.shape != self.counts.shape:
                raise InputError(
                    "one per count is wanted", key=key, found=len(given), allowed=str(len(self.counts))
                )

    def _check_multipliers(self, x: TensorType, datapath: Datapath) -> None:
        for name in ("multiplier", "count", *(["shift"] if self.shifts is not None else [])):
            if name in self.fields:
                raise InputError(f"{name}s stand beside counts", key=f"fields.{name}", allowed=f"{name}s")
        channels = x.shape[-1]
        for index in range(len(self.counts)):
            fields = self.fields_of(index)
            for name in ("multiplier", "shift", "count"):
                if name in fields and name not in self.fields:
                    check_field(name, fields[name], datapath, channels, f"{name}s[{index}]")
        check_fields(fields, self.stages(datapath), datapath, channels, "fields")

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        from npusim.steps.executors.average_pool import AveragePoolExecutor

        return AveragePoolExecutor(self, inputs[0], output, datapath)
