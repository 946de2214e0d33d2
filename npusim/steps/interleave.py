"""The interleave step: an image woven of images, as the phases of a transposed convolution are (W7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from npusim.arity import exactly
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.geometry import image_shape
from npusim.model import Pair, Shape
from npusim.steps.base import Array, Executor, Step, TensorType
from npusim.steps.probe import Probe
from npusim.steps.words import widest


class InterleaveStep(Step):
    """Copies: pixel (y, x) is pixel ``(y // r, x // c)`` of input ``(y % r) * c + x % c``.

    Attributes
    ----------
    grid
        (r, c): every r-th row and c-th column comes from one input.
    """

    kind: ClassVar[str] = "interleave"

    step: Literal["interleave"] = "interleave"
    grid: Pair

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        exactly(inputs, self.grid[0] * self.grid[1])
        shapes = [image_shape(x.shape) for x in inputs]
        rows = sum(rows for rows, _, _ in shapes[:: self.grid[1]])
        columns = sum(columns for _, columns, _ in shapes[: self.grid[1]])
        made = (rows, columns, shapes[0][2])
        for index, (x, part) in enumerate(zip(inputs, self.parts(made), strict=True)):
            if x.shape != part:
                raise InputError(
                    "the inputs do not make one image",
                    key=f"inputs[{index}]",
                    found=x.shape,
                    allowed=str(part),
                )
        return widest(inputs).replace(shape=made)

    def parts(self, made: Shape) -> list[Shape]:
        """The shape of each input of an image."""
        rows, columns, channels = image_shape(made)
        return [
            (-(-(rows - y) // self.grid[0]), -(-(columns - x) // self.grid[1]), channels)
            for y in range(self.grid[0])
            for x in range(self.grid[1])
        ]

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        return _InterleaveExecutor(self, output)


class _InterleaveExecutor(Executor):
    def __init__(self, step: InterleaveStep, output: TensorType) -> None:
        self._grid, self._output = step.grid, output

    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        rows, columns = self._grid
        result = np.empty(self._output.shape, self._output.dtype)
        for index, part in enumerate(inputs):
            result[index // columns :: rows, index % columns :: columns] = part
        probe.tap("output", result)
        return result
