"""Convolutions and dense layers from codes to codes, without gathering patches (AVX-512 VNNI).

The codes under one kernel row lie side by side in memory: the dot product reads them where they
are, in as many segments as the kernel has rows. Only padding costs a copy of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.conv_loop import HEAD, convolve
from npusim.kernels.direct.layout import FinishConstants, finish_constants
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.direct.scratch import SLACK
from npusim.kernels.direct.tally import NOT_COUNTED, Tally
from npusim.kernels.direct.weights import Blocks, pack_blocks
from npusim.kernels.fuse import Correction
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.plan import Plan


@dataclass(frozen=True, eq=False)
class _Group:
    """One group's weights and constants."""

    blocks: Blocks
    segments: Words
    finish: FinishConstants
    column: int
    columns: int


class DirectConvolution:
    """One step's convolution; make it with `direct_convolution`.

    Attributes
    ----------
    units
        Output pixels.
    scratch_bytes
        What a call needs.
    """

    def __init__(
        self, groups: list[_Group], window: Words, settings: Words, pixels: int, scratch_bytes: int
    ) -> None:
        self._groups, self._window, self._settings = groups, window, settings
        self.units, self.scratch_bytes = pixels, scratch_bytes

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        for group in self._groups:
            self._run(group, inputs[0], out, scratch, range(first, last), NOT_COUNTED, NOT_COUNTED[:, 0, 0])

    @property
    def counts(self) -> bool:
        """Whether `run_counting` can be called."""
        return all(group.finish.correction is Correction.NONE for group in self._groups)

    def run_counting(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Tally]:
        """Compute all units and count what happened, group by group."""
        tallies = []
        for group in self._groups:
            tally = Tally(group.finish)
            self._run(group, inputs[0], out, scratch, range(self.units), tally.counters, tally.since)
            tallies.append(tally)
        return tallies

    def _run(
        self, group: _Group, x: Bytes, out: Bytes, scratch: Bytes, units: range, counters: Words, since: Words
    ) -> None:
        convolve(
            x,
            group.blocks.weights,
            group.finish.rows,
            group.blocks.table,
            group.segments,
            self._window,
            self._settings,
            int(group.finish.correction),
            group.finish.low,
            group.finish.high,
            group.column,
            group.columns,
            units.start,
            units.stop,
            scratch,
            out,
            group.finish.masks,
            counters,
            since,
        )


def direct_convolution(
    packed: Packed,
    bias: Words,
    geometry: Geometry,
    size: tuple[int, int],
    plan: Plan,
    reach: int,
    codes: np.dtype[np.generic],
) -> DirectConvolution | None:
    """The one-pass form of a conv2d, grouped or dense step; None if it is not proven right.

    Parameters
    ----------
    bias : int64[O]
    size
        Input rows and columns.
    plan
        The step's rescale.
    reach
        The greatest magnitude of an accumulator or any of its prefixes (A5).
    codes
        The output's type.
    """
    weights = packed.weights
    limits = np.iinfo(np.int8)
    if selected() is not InstructionSet.AVX512_VNNI:
        return None
    if packed.nest is not Nest.CONV2D or packed.x_dtype.itemsize != 1:
        return None
    if weights.min() < limits.min or weights.max() > limits.max:
        return None
    signed = packed.x_dtype == np.int8
    start = bias - (packed.x_zero + (128 if signed else 0)) * packed.zero_share
    window = _Window.of(geometry, size, packed)
    groups = []
    for index in range(packed.groups):
        own = range(index * packed.group_outputs, (index + 1) * packed.group_outputs)
        lanes = np.arange(-(-len(own) // 16) * 16)
        order = np.where(lanes < len(own), lanes + own.start, -1)
        finish = finish_constants(plan, reach, order, start, codes)
        if finish is None:
            return None
        blocks = pack_blocks(window.rows_of(weights[own.start : own.stop]))
        segments = window.segments + index * weights.shape[3]
        groups.append(_Group(blocks, readonly(segments, np.int64), finish, own.start, len(own)))
    settings = [window.quads, -0x7F7F7F80 if signed else 0, packed.pad_code & 255, packed.outputs]
    scratch = HEAD + (window.bytes if window.padded else 0)
    parameters = readonly(window.parameters, np.int64)
    return DirectConvolution(groups, parameters, readonly(settings, np.int64), geometry.pixels, scratch)


@dataclass(frozen=True)
class _Window:
    """Where patches lie in the image, or in its copy with padding.

    Attributes
    ----------
    segments : int64[segments]
        Byte offsets from the patch.
    quads
        Groups of four bytes a segment, the last of which may reach beyond it: there weights are zero.
    parameters
        What the kernel reads; see `_convolve`.
    """

    padded: bool
    by_row: bool
    segments: npt.NDArray[np.int64]
    quads: int
    bytes: int
    parameters: list[int]

    @classmethod
    def of(cls, geometry: Geometry, size: tuple[int, int], packed: Packed) -> _Window:
        height, width = size
        kernel, dilation, stride = geometry.kernel, geometry.dilation, geometry.stride
        pixel = packed.inputs
        needed = [(geometry.out[a] - 1) * stride[a] + (kernel[a] - 1) * dilation[a] + 1 for a in (0, 1)]
        by_row = dilation[1] == 1 and packed.groups == 1
        length = (kernel[1] if by_row else 1) * int(packed.weights.shape[3])
        quads = -(-length // 4)
        beyond = 4 * quads - length
        inside = geometry.pad_before == (0, 0) and needed[0] <= height and needed[1] <= width
        whole = inside and (beyond == 0 or ((needed[0] < height or needed[1] < width) and beyond <= pixel))
        padded = not whole
        columns = max(needed[1], geometry.pad_before[1] + 1) if padded else width
        taps = range(1) if by_row else range(kernel[1])
        segments = [
            (ky * dilation[0] * columns + kx * dilation[1]) * pixel for ky in range(kernel[0]) for kx in taps
        ]
        parameters = [
            int(padded),
            geometry.out[1],
            stride[0] * columns * pixel,
            stride[1] * pixel,
            width * pixel,
            pixel,
            geometry.pad_before[0],
            geometry.pad_before[1],
            stride[0],
            (kernel[0] - 1) * dilation[0] + 1,
            columns,
        ]
        size_bytes = needed[0] * columns * pixel + SLACK
        return cls(padded, by_row, np.array(segments, np.int64), quads, size_bytes, parameters)

    def rows_of(self, weights: Words) -> npt.NDArray[np.int8]:
        """int8[outputs, 4 * all quads]: weights as the segments meet them, zeros where they reach beyond."""
        outputs, segments = weights.shape[0], len(self.segments)
        flat = weights.reshape(outputs, segments, -1)
        rows = np.zeros((outputs, segments, 4 * self.quads), np.int8)
        rows[:, :, : flat.shape[2]] = flat
        return rows.reshape(outputs, -1)
