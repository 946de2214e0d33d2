"""Convolutions and dense layers from codes to codes, without gathering patches (AVX-512 VNNI).

The codes under one kernel row lie side by side in memory: the dot product reads them where they
are, in as many segments as the kernel has rows. Only padding costs a copy of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.layout import FinishConstants, finish_constants
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.direct.scratch import SLACK, pad_rows
from npusim.kernels.direct.tally import NOT_COUNTED, Tally, mark
from npusim.kernels.direct.weights import Blocks, pack_blocks
from npusim.kernels.emit.count import COUNTER_BYTES, MASK_BYTES, count_plain
from npusim.kernels.emit.finish import CONSTANT_BYTES, finish_by_last, finish_by_sign, finish_plain
from npusim.kernels.emit.tile import VECTOR, tile_6x4, tile_8x1, tile_8x2, tile_8x3
from npusim.kernels.fuse import Correction
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.plan import Plan

_PANEL = 24
"""Output pixels that go together: whole tiles of six rows and of eight."""

_HEAD = 8 * _PANEL + 8 * 6 * VECTOR
"""Bytes of scratch before the image: offsets of a panel's patches, sums of a tile."""

_BY_SIGN, _BY_LAST = int(Correction.BY_SIGN), int(Correction.BY_LAST)


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
        _convolve(
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
    scratch = _HEAD + (window.bytes if window.padded else 0)
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


@kernel(signatures=1)
def _convolve(
    x: Bytes,
    weights: Bytes,
    constants: Words,
    blocks: Words,
    segments: Words,
    window: Words,
    settings: Words,
    correction: int,
    low: int,
    high: int,
    column: int,
    columns: int,
    first: int,
    last: int,
    scratch: Bytes,
    out: Bytes,
    masks: Words,
    counters: Words,
    since: Words,
) -> None:
    """Output pixels `first` .. `last` - 1, a panel at a time.

    Parameters
    ----------
    window : int64[11]
        Padded or not; output columns; bytes from patch to patch down and across; bytes of an image
        row and pixel; padding above, left; row stride; window rows; columns of the padded image.
    settings : int64[4]
        Quads a segment, flip, padding's byte, bytes of an output pixel.
    column, columns
        The group's output channels.
    counters, since
        Of a `Tally`; no counters: nothing is counted.
    """
    if last <= first:
        return
    out_columns, down, across = window[1], window[2], window[3]
    offsets = scratch[: 8 * _PANEL].view(np.int64)
    sums = scratch.ctypes.data + 8 * _PANEL
    quads, flip, pixel = settings[0], settings[1], settings[3]
    source, origin = x.ctypes.data, 0
    if window[0] == 1:
        top = first // out_columns
        rows = ((last - 1) // out_columns - top) * window[8] + window[9]
        length = window[10] * window[5]
        image = scratch[_HEAD : _HEAD + rows * length].reshape(rows, length)
        pad_rows(x, window[4], window[5], top * window[8] - window[6], window[7], settings[2], 0, image)
        source, origin = scratch.ctypes.data + _HEAD, top * down
    starts, target = constants.ctypes.data, out.ctypes.data + column
    for panel in range(first, last, _PANEL):
        count = min(_PANEL, last - panel)
        for i in range(_PANEL):
            p = panel + min(i, count - 1)
            offsets[i] = p // out_columns * down + p % out_columns * across - origin
        for b in range(blocks.shape[0]):
            vectors, begin = blocks[b, 0], blocks[b, 1]
            own, matrix = starts + begin * CONSTANT_BYTES, weights.ctypes.data + blocks[b, 2]
            step = 6 if vectors == 4 else 8
            for r in range(0, count, step):
                at = offsets.ctypes.data + 8 * r
                if vectors == 4:
                    tile_6x4(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                elif vectors == 3:
                    tile_8x3(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                elif vectors == 2:
                    tile_8x2(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                else:
                    tile_8x1(
                        source,
                        at,
                        matrix,
                        segments.ctypes.data,
                        segments.shape[0],
                        quads,
                        flip,
                        own,
                        CONSTANT_BYTES,
                        sums,
                    )
                rows, place, left = min(step, count - r), target + (panel + r) * pixel, columns - 16 * begin
                if correction == _BY_SIGN:
                    finish_by_sign(sums, rows, vectors, own, low, high, place + 16 * begin, pixel, left)
                elif correction == _BY_LAST:
                    finish_by_last(sums, rows, vectors, own, low, high, place + 16 * begin, pixel, left)
                else:
                    finish_plain(sums, rows, vectors, own, low, high, place + 16 * begin, pixel, left)
                if counters.shape[0] > 0:
                    lost, tally = masks.ctypes.data + begin * MASK_BYTES, counters.ctypes.data
                    count_plain(sums, rows, vectors, own, lost, low, high, tally + begin * COUNTER_BYTES)
        if counters.shape[0] > 0:
            mark(counters, since, panel)
