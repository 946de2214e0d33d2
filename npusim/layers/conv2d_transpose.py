"""conv2d_transpose: every input pixel spreads a kernel over the output; upsampling that learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from npusim.arity import only
from npusim.errors import InputError
from npusim.geometry import image_shape
from npusim.layers.base import FloatTensor
from npusim.layers.lowering import Lowering
from npusim.layers.mac_layer import MacLayer
from npusim.layers.transposed_phases import AxisPhase, axis_phases
from npusim.model import Padding, Pads, Pair, Shape, Size
from npusim.steps.base import Step
from npusim.steps.interleave import InterleaveStep
from npusim.steps.mac import MacOperation


class Conv2dTranspose(MacLayer):
    """Transposed convolution: the convolution of the zero-inserted input (A6).

    Inserted zeros are skipped, so that the products an output pixel sums depend on its phase, its
    coordinates modulo the stride. It is lowered to one convolution per phase, each with the zero
    point folded over its own taps (W2), and an interleave of their outputs.

    Attributes
    ----------
    weights
        (outputs, kernel rows, kernel columns, inputs per group), as they meet the output: tap (0, 0)
        reaches the upper left pixel.
    padding
        Pixels taken off the full output: ((above, below), (left, right)).
    output_padding
        Rows and columns added below and to the right.
    """

    kind: ClassVar[str] = "conv2d_transpose"

    layer: Literal["conv2d_transpose"] = "conv2d_transpose"
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    output_padding: tuple[Padding, Padding] = (0, 0)
    groups: Size = 1

    @property
    def operation(self) -> MacOperation:
        return MacOperation.CONV2D

    @property
    def uniform(self) -> bool:
        return False

    @property
    def taps_share(self) -> float:
        return 1 / (self.stride[0] * self.stride[1])

    def input_channels(self, channels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        per_group = channels.reshape(self.groups, -1)
        return np.repeat(per_group, self.output_channels // self.groups, axis=0)

    def output_shapes(self, inputs: Sequence[Shape]) -> tuple[Shape, ...]:
        rows, columns, channels = image_shape(only(inputs))
        shape = self.weights.shape
        fits = len(shape) == 4 and shape[3] * self.groups == channels and shape[0] % self.groups == 0
        if not fits:
            raise InputError(
                "weights do not fit the input",
                key="weights",
                found=shape,
                allowed=f"(outputs, rows, columns, inputs per group) for {channels} channels in "
                f"{self.groups} groups",
            )
        self.check_bias()
        full = self._full_size((rows, columns))
        size = tuple(length - sum(pads) for length, pads in zip(full, self.padding, strict=True))
        if min(size) < 1:
            raise InputError("the padding leaves nothing", key="padding", found=self.padding)
        return ((*size, shape[0]),)

    def _full_size(self, size: tuple[int, int]) -> tuple[int, int]:
        rows, columns = (
            (length - 1) * step + (taps - 1) * spread + 1 + extra
            for length, step, taps, spread, extra in zip(
                size, self.stride, self.weights.shape[1:3], self.dilation, self.output_padding, strict=True
            )
        )
        return rows, columns

    def forward(self, inputs: Sequence[FloatTensor]) -> tuple[FloatTensor, ...]:
        (x,) = inputs
        full = self._full_size((x.shape[1], x.shape[2]))
        made = np.zeros((len(x), *full, self.weights.shape[0]), x.dtype)
        for row in range(self.weights.shape[1]):
            for column in range(self.weights.shape[2]):
                above, left = row * self.dilation[0], column * self.dilation[1]
                below = above + (x.shape[1] - 1) * self.stride[0] + 1
                right = left + (x.shape[2] - 1) * self.stride[1] + 1
                made[:, above : below : self.stride[0], left : right : self.stride[1]] += self._spread(
                    x, row, column
                )
        (top, bottom), (first, last) = self.padding
        return (self.finish(made[:, top : full[0] - bottom, first : full[1] - last]),)

    def _spread(self, x: FloatTensor, row: int, column: int) -> FloatTensor:
        """What one tap adds to the output, all groups behind each other."""
        taps = self.weights[:, row, column].astype(x.dtype)  # outputs, inputs per group
        parts = zip(np.split(x, self.groups, axis=-1), np.split(taps, self.groups), strict=True)
        return np.concatenate([part @ weights.T for part, weights in parts], axis=-1)

    def step_sums(self, sums: FloatTensor) -> dict[str, FloatTensor]:
        rows, columns = self._grid(sums.shape[1:])
        return {
            self._phase_name(y, x, (rows, columns)): sums[:, y::rows, x::columns]
            for y in range(rows)
            for x in range(columns)
        }

    def _grid(self, made: Shape) -> tuple[int, int]:
        return min(self.stride[0], made[0]), min(self.stride[1], made[1])

    def _phase_name(self, y: int, x: int, grid: tuple[int, int]) -> str:
        return self.name if grid == (1, 1) else f"{self.name}.phase_{y}_{x}"

    def lower(self, lowering: Lowering) -> list[Step]:
        (y,) = self.outputs
        made = lowering.shapes[y]
        rows, columns = self._phases(lowering.shapes[self.inputs[0]], made)
        grid = self._grid(made)
        steps: list[Step] = []
        names: list[str] = []
        for i, above in enumerate(rows):
            for j, beside in enumerate(columns):
                name = self._phase_name(i, j, grid)
                output = y if grid == (1, 1) else name
                steps += self._phase(lowering, name, output, above, beside)
                names.append(output)
        if grid != (1, 1):
            steps.append(InterleaveStep(name=self.name, inputs=tuple(names), output=y, grid=grid))
        return steps

    def _phases(self, x: Shape, made: Shape) -> list[tuple[AxisPhase, ...]]:
        return [
            axis_phases(
                x[axis],
                made[axis],
                self.weights.shape[1 + axis],
                self.stride[axis],
                self.dilation[axis],
                self.padding[axis][0],
            )
            for axis in range(2)
        ]

    def _phase(
        self, lowering: Lowering, name: str, output: str, above: AxisPhase, beside: AxisPhase
    ) -> list[Step]:
        geometry = {
            "dilation": (above.dilation, beside.dilation),
            "padding": (above.padding, beside.padding),
            "groups": self.groups,
        }

        def part(codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.ascontiguousarray(beside.part(above.part(codes, 1), 2))

        return self.mac_steps(lowering, name, output, part, self.operation, geometry)
