"""TRANSPOSE_CONV2D: one convolution that makes all phases of the output, as channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.checks import Two, require_least, require_rank
from npusim.importers.tosa.converters.convolution import (
    bias_of,
    check_accumulator,
    require_channels,
    weights_of,
    zero_points,
)
from npusim.importers.tosa.graph import Array, Operator
from npusim.importers.tosa.images import each_image
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.mac_array import MacOperation
from npusim.steps.slice import SliceStep
from npusim.steps.transpose import TransposeStep

_MOST_OUTPUTS = 1 << 20
"""Of the convolution that makes all phases: what a program's sizes allow."""


@dataclass(frozen=True)
class Axis:
    """One axis: input pixel i and tap k meet in output pixel ``i * stride + k + pad``.

    Output pixel ``q * stride + phase`` reads input pixel ``q + place`` for every tap of its phase.

    Attributes
    ----------
    pad
        Pixels put before the output; negative ones are cut off.
    """

    length: int
    made: int
    taps: int
    stride: int
    pad: int

    @property
    def phases(self) -> int:
        """No more than there are output pixels."""
        return min(self.stride, self.made)

    @property
    def count(self) -> int:
        """Pixels of the longest phase."""
        return -(-self.made // self.stride)

    def phase_and_place(self) -> tuple[Array, Array]:
        """Of each tap the phase that reads it, and where from."""
        meets = np.arange(self.taps) + self.pad
        phase = meets % self.stride
        return phase, (phase - meets) // self.stride

    def window(self) -> Two:
        """The first and last place that any phase reads; so wide that no padding is negative."""
        phase, place = self.phase_and_place()
        read = place[phase < self.phases]
        low, high = (int(read.min()), int(read.max())) if read.size else (0, 0)
        return min(low, 0), max(high, self.length - self.count)


def _axes(operator: Operator, builder: Builder, kernel: Two) -> tuple[Axis, Axis]:
    shape, made = require_rank(operator, builder, 0, 4), builder.output(operator).shape
    stride, pads = operator.integers("stride", 2), operator.integers("out_pad", 4)
    require_least(operator, "stride", stride, 1)
    axes = []
    for index in range(2):
        before, after = pads[2 * index : 2 * index + 2]
        require_least(operator, "out_pad", (before, after), 1 - kernel[index])
        length = shape[1 + index]
        size = (length - 1) * stride[index] + before + after + kernel[index]
        if len(made) != 4 or made[1 + index] != size:
            raise operator.error("the output has another size", found=made, allowed=str(size))
        axes.append(Axis(length, size, kernel[index], stride[index], before))
    return axes[0], axes[1]


def phase_weights(weights: Array, rows: Axis, columns: Axis) -> Array:
    """Weights whose output channels are (row phase, column phase, channel), zeros where a phase has no tap.

    Parameters
    ----------
    weights : int64[channels, rows, columns, inputs]
        Zero points taken off.
    """
    (above, beneath), (left, right) = rows.window(), columns.window()
    size = (beneath - above + 1, right - left + 1)
    made = np.zeros((rows.phases, columns.phases, len(weights), *size, weights.shape[3]), np.int64)
    row_phase, row_place = rows.phase_and_place()
    column_phase, column_place = columns.phase_and_place()
    for k in np.flatnonzero(row_phase < rows.phases).tolist():
        for m in np.flatnonzero(column_phase < columns.phases).tolist():
            place = row_place[k] - above, column_place[m] - left
            made[row_phase[k], column_phase[m], :, place[0], place[1]] = weights[:, k, m]
    return made.reshape(-1, *size, weights.shape[3])


def _transposed(operator: Operator, builder: Builder) -> None:
    weights, fields = weights_of(operator, builder), zero_points(operator, builder)
    require_channels(operator, builder, weights.shape[3])
    check_accumulator(operator, builder)
    rows, columns = _axes(operator, builder, (weights.shape[1], weights.shape[2]))
    outputs = len(weights) * rows.phases * columns.phases
    if outputs > _MOST_OUTPUTS:
        raise operator.unsupported(
            "too many phases", found=outputs, allowed=f"up to {_MOST_OUTPUTS} channels"
        )
    zero = fields["weight_zero"]
    # A tap that a phase does not have weighs nothing: zero once the zero point is taken off.
    codes = (phase_weights(weights.astype(np.int64) - zero, rows, columns) + zero).astype(np.int8)
    bias = np.tile(bias_of(operator, builder, len(weights)), rows.phases * columns.phases)
    padding = tuple(
        (-axis.window()[0], axis.count + axis.window()[1] - axis.length) for axis in (rows, columns)
    )

    def convolve(image: str, name: str) -> str:
        sums = builder.add(
            AccumulateStep,
            f"{name}/phases",
            (image,),
            operation=MacOperation.CONV2D,
            weights=codes,
            bias=bias,
            fields=fields,
            padding=padding,
        )
        return _woven(builder, sums, name, rows, columns)

    x = builder.value(operator, 0, signed=True)
    builder.finish(operator, each_image(builder, x, builder.output(operator).name, convolve))


def _woven(builder: Builder, sums: str, name: str, rows: Axis, columns: Axis) -> str:
    """Phases that are channels become pixels beside each other."""
    channels = builder.shape(sums)[2] // (rows.phases * columns.phases)
    split = (rows.count, columns.count, rows.phases, columns.phases, channels)
    apart = builder.reshaped(sums, split, f"{name}/apart")
    moved = builder.add(TransposeStep, f"{name}/moved", (apart,), permutation=(0, 2, 1, 3, 4))
    size = (rows.count * rows.phases, columns.count * columns.phases, channels)
    whole = builder.reshaped(moved, size, f"{name}/woven")
    if size[:2] == (rows.made, columns.made):
        return whole
    cuts = ((0, rows.made, 1), (0, columns.made, 1), (0, channels, 1))
    return builder.add(SliceStep, name, (whole,), cuts=cuts)


CONVERTERS = {"TRANSPOSE_CONV2D": _transposed}
