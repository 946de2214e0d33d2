"""Which part of a step's output a set shows: all of it, or the pixels that were sampled."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from npusim.steps.base import Array, TensorType
from npusim.vectors.layouts.base import StepContext, tensor_axes
from npusim.vectors.pixels import sample_pixels
from npusim.vectors.stream import Axes


class Shown:
    """The shown pixels of a step's output; of tensors that are no images, a pixel is a row of the last axis.

    Attributes
    ----------
    pixels
        Flat raster indices, ascending; None: all.
    chosen
        The same, written out.
    channels
        The size of the last axis.
    """

    def __init__(self, context: StepContext) -> None:
        self.output: TensorType = context.output
        *outer, self.channels = context.output.shape
        rows, columns = (outer[0], outer[1]) if len(outer) == 2 else (1, prod(outer))
        sampling = context.sampling
        self.pixels = None if sampling is None else sample_pixels(rows, columns, context.step.name, sampling)
        self.chosen: npt.NDArray[np.int64] = np.array(self.pixels or range(rows * columns), np.int64)

    @property
    def places(self) -> Axes:
        """The axis of pixels."""
        return (("pixel", len(self.chosen)),)

    @property
    def axes(self) -> Axes:
        """What words of the output run over: the tensor's axes if all of it is shown."""
        return tensor_axes(self.output) if self.pixels is None else (*self.places, ("channel", self.channels))

    def part(self, tensor: Array) -> Array:
        """The shown pixels of a tensor of the output's shape, or of one that is repeated to it."""
        whole = np.broadcast_to(tensor, self.output.shape)
        return whole.reshape(-1, self.channels)[self.chosen]
