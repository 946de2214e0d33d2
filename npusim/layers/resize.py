"""resize: an image with more or fewer pixels (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.datapath.operations import RESIZE_WEIGHT, PipelineRole
from npusim.geometry import image_shape
from npusim.layers.base import FloatTensor, Layer
from npusim.layers.lowering import Lowering
from npusim.model import Pair, Shape
from npusim.resampling import Coordinates, NearestRounding, nearest_sources, real_sources
from npusim.spec.resampling import blend_of
from npusim.steps.base import Step
from npusim.steps.fields import needed_fields
from npusim.steps.pipelines import require_pipeline
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.resize_nearest import ResizeNearestStep


class Interpolation(StrEnum):
    """What a new pixel is made of."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


class Resize(Layer):
    """Resample rows and columns.

    Attributes
    ----------
    size
        Rows and columns of the output.
    coordinates
        Where the new pixels lie in the old image.
    rounding
        Which old pixel is the nearest one; bilinear interpolation does not read it.
    """

    kind: ClassVar[str] = "resize"
    keeps_codes: ClassVar[bool] = True

    layer: Literal["resize"] = "resize"
    size: Pair
    interpolation: Interpolation = Interpolation.NEAREST
    coordinates: Coordinates = Coordinates.HALF_PIXEL
    rounding: NearestRounding = NearestRounding.HALF_DOWN

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        return ((*self.size, image_shape(only(inputs))[2]),)

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        for axis, made in zip((1, 2), self.size, strict=True):
            if self.interpolation is Interpolation.NEAREST:
                x = x.take(nearest_sources(x.shape[axis], made, self.coordinates, self.rounding), axis=axis)
            else:
                x = self._blended(x, axis, made)
        return (x,)

    def _blended(self, x: FloatTensor, axis: int, made: int) -> FloatTensor:
        length = x.shape[axis]
        places = [min(max(float(place), 0.0), length - 1.0) for place in
                  real_sources(length, made, self.coordinates)]  # fmt: skip
        before = np.floor(places).astype(np.int64)
        after = np.minimum(before + 1, length - 1)
        share: npt.NDArray[np.floating] = (np.array(places) - before).astype(x.dtype)
        share = share.reshape(-1, *[1] * (x.ndim - axis - 1))
        made_of: FloatTensor = x.take(before, axis=axis) * (1 - share) + x.take(after, axis=axis) * share
        return made_of

    def lower(self, lowering: Lowering) -> list[Step]:
        rows, columns, _ = image_shape(lowering.shapes[self.inputs[0]])
        if self.interpolation is Interpolation.BILINEAR:
            return [self._bilinear_step(lowering, rows, columns)]
        sources = [
            nearest_sources(length, made, self.coordinates, self.rounding)
            for length, made in zip((rows, columns), self.size, strict=True)
        ]
        return [
            ResizeNearestStep(
                name=self.name,
                inputs=self.inputs,
                output=self.outputs[0],
                rows=sources[0],
                columns=sources[1],
            )
        ]

    def _bilinear_step(self, lowering: Lowering, rows: int, columns: int) -> Step:
        (y,) = self.outputs
        stages = require_pipeline(lowering.datapath, "resize", PipelineRole.RESULT)
        fields, _ = lowering.output_fields(y)
        bits = lowering.datapath.fields[RESIZE_WEIGHT].bits
        firsts, weights = [], []
        for length, made in zip((rows, columns), self.size, strict=True):
            blends = [blend_of(place, length, bits) for place in real_sources(length, made, self.coordinates)]
            firsts.append(np.array([first for first, _, _ in blends], np.int64))
            weights.append(np.array([weight for _, _, weight in blends], np.int64))
        return ResizeBilinearStep(
            name=self.name,
            inputs=self.inputs,
            output=y,
            rows=firsts[0],
            row_weights=weights[0],
            columns=firsts[1],
            column_weights=weights[1],
            fields={name: fields[name] for name in needed_fields(stages) if name in fields},
        )
