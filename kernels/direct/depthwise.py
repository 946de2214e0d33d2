"""Depthwise convolutions from codes to codes (AVX-512 VNNI).

With a column stride of one, neighbouring pixels' channels lie side by side in input and output: a
whole output row is one stretch, whatever the number of channels. Otherwise every pixel is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.layout import FinishConstants, finish_constants
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.direct.scratch import SLACK, pad_rows
from npusim.kernels.direct.tally import NO_HIGHEST, NO_LOWEST, NOT_COUNTED, Tally, mark, merge_lanes
from npusim.kernels.emit.count import (
    COUNTER_ROWS,
    HIGHEST,
    LOWEST,
    MASK_BYTES,
    count_plain,
)
from npusim.kernels.emit.depthwise import (
    ORDER,
    STRETCH,
    TAPS,
    VECTORS,
    depthwise_by_last,
    depthwise_by_sign,
    depthwise_plain,
)
from npusim.kernels.emit.finish import CONSTANT_BYTES
from npusim.kernels.fuse import Correction
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.jit import kernel, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.plan import Plan

_BAND_BYTES = 1 << 16
"""Of padded input that is made at once: it is read again from the first- or second-level cache."""

_KEPT = 16
"""Stretches whose sums are kept until they are counted together; an even number."""

_MOST_PHASES = 64
"""Stretches until channels and vectors meet again; each has weights and constants of its own."""

_ORDER = readonly(ORDER, np.int64)

_BY_SIGN, _BY_LAST = int(Correction.BY_SIGN), int(Correction.BY_LAST)


class DirectDepthwise:
    """One step's depthwise convolution; make it with `direct_depthwise`.

    Attributes
    ----------
    units
        Output rows.
    scratch_bytes
        What a call needs.
    """

    def __init__(
        self,
        weights: Bytes,
        finish: FinishConstants,
        taps: Words,
        window: Words,
        rows: int,
        scratch_bytes: int,
    ) -> None:
        self._weights, self._finish, self._taps, self._window = weights, finish, taps, window
        self.units, self.scratch_bytes = rows, scratch_bytes

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        self._run(inputs[0], out, scratch, range(first, last), NOT_COUNTED, NOT_COUNTED[:, 0, 0])

    @property
    def counts(self) -> bool:
        """Whether `run_counting` can be called."""
        return self._finish.correction is Correction.NONE

    def run_counting(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Tally]:
        """Compute all units and count what happened."""
        tally = Tally(self._finish)
        self._run(inputs[0], out, scratch, range(self.units), tally.counters, tally.since)
        return [tally]

    def _run(
        self, x: Bytes, out: Bytes, scratch: Bytes, units: range, counters: Words, since: Words
    ) -> None:
        _depthwise(
            x,
            self._weights,
            self._finish.rows,
            self._taps,
            self._window,
            int(self._finish.correction),
            self._finish.low,
            self._finish.high,
            units.start,
            units.stop,
            scratch,
            out,
            self._finish.masks,
            _ORDER,
            counters,
            since,
        )


def direct_depthwise(
    packed: Packed,
    bias: Words,
    geometry: Geometry,
    size: tuple[int, int],
    plan: Plan,
    reach: int,
    codes: np.dtype[np.generic],
) -> DirectDepthwise | None:
    """The one-pass form of a depthwise step; None if it is not proven right.

    Arguments as for `direct_convolution`; only int8 outputs, and one output channel a channel.
    """
    weights, channels = packed.weights, packed.inputs
    limits = np.iinfo(np.int8)
    if selected() is not InstructionSet.AVX512_VNNI:
        return None
    if packed.nest is not Nest.DEPTHWISE or packed.group_outputs != 1 or packed.x_dtype.itemsize != 1:
        return None
    if weights.min() < limits.min or weights.max() > limits.max or codes != np.int8:
        return None
    length = channels * (geometry.out[1] if geometry.stride[1] == 1 else 1)
    phases = min(channels // gcd(channels, STRETCH), -(-length // STRETCH))
    if phases > _MOST_PHASES:
        return None
    signed = packed.x_dtype == np.int8
    start = bias - (packed.x_zero + (128 if signed else 0)) * packed.zero_share
    order = (np.arange(phases)[:, np.newaxis, np.newaxis] * STRETCH + ORDER) % channels
    finish = finish_constants(plan, reach, order.reshape(-1), start, codes)
    if finish is None:
        return None
    taps = geometry.taps
    groups = -(-taps // TAPS)
    by_tap = np.zeros((groups * TAPS, channels), np.int8)
    by_tap[:taps] = weights.reshape(channels, taps).T
    laid = by_tap.reshape(groups, TAPS, channels)[:, :, order]  # groups, taps, phases, vectors, lanes
    quads = np.ascontiguousarray(laid.transpose(2, 0, 3, 4, 1)).view(np.uint8).reshape(-1)
    window = _window(geometry, size, channels, packed.pad_code & 255, 0x80 if signed else 0, length)
    kernel_rows, columns = window[6], window[7]
    band = _band_rows(window, geometry.out[0])
    scratch = ((band - 1) * geometry.stride[0] + kernel_rows) * columns * channels + SLACK
    places = _taps(geometry, columns, channels, groups * TAPS)
    return DirectDepthwise(
        readonly(quads, np.uint8),
        finish,
        places,
        readonly([*window, band], np.int64),
        geometry.out[0],
        scratch,
    )


def _window(
    geometry: Geometry, size: tuple[int, int], channels: int, pad: int, flip: int, length: int
) -> list[int]:
    height, width = size
    del height
    extent = [(geometry.kernel[a] - 1) * geometry.dilation[a] + 1 for a in (0, 1)]
    columns = max((geometry.out[1] - 1) * geometry.stride[1] + extent[1], geometry.pad_before[1] + 1)
    stretches = 1 if geometry.stride[1] == 1 else geometry.out[1]
    return [
        channels,
        width,
        geometry.pad_before[0],
        geometry.pad_before[1],
        geometry.stride[0],
        geometry.stride[1],
        extent[0],
        columns,
        stretches,
        length,
        pad,
        flip,
    ]


def _band_rows(window: list[int], out_rows: int) -> int:
    """Output rows whose padded input is made at once."""
    row = window[4] * window[7] * window[0]
    return max(1, min(out_rows, _BAND_BYTES // row))


def _taps(geometry: Geometry, columns: int, channels: int, count: int) -> Words:
    """int64[count]: each tap's byte offset; those that fill the last group read the first tap's codes."""
    offsets = [
        (ky * geometry.dilation[0] * columns + kx * geometry.dilation[1]) * channels
        for ky in range(geometry.kernel[0])
        for kx in range(geometry.kernel[1])
    ]
    return readonly(offsets + [0] * (count - len(offsets)), np.int64)


@part
def _count(
    sums: npt.NDArray[np.int32],
    lengths: Words,
    constants: int,
    masks: int,
    low: int,
    high: int,
    order: Words,
    few: Words,
    into: Words,
) -> None:
    """Add the kept stretches' events to one phase's counters; stretches of one length together."""
    first = 0
    while first < lengths.shape[0]:
        last = first + 1
        while last < lengths.shape[0] and min(lengths[last], STRETCH) == min(lengths[first], STRETCH):
            last += 1
        made = sums.ctypes.data + first * VECTORS * STRETCH
        if lengths[first] >= STRETCH:
            count_plain(made, last - first, VECTORS, constants, masks, low, high, into.ctypes.data)
        else:
            few[:] = 0
            few[:, LOWEST], few[:, HIGHEST] = NO_LOWEST, NO_HIGHEST
            count_plain(made, last - first, VECTORS, constants, masks, low, high, few.ctypes.data)
            merge_lanes(few, order, lengths[first], into)
        first = last


@kernel(signatures=1)
def _depthwise(
    x: Bytes,
    weights: Bytes,
    constants: Words,
    taps: Words,
    window: Words,
    correction: int,
    low: int,
    high: int,
    first: int,
    last: int,
    scratch: Bytes,
    out: Bytes,
    masks: Words,
    order: Words,
    counters: Words,
    since: Words,
) -> None:
    """Output rows `first` .. `last` - 1, a band at a time.

    Parameters
    ----------
    window : int64[13]
        Channels; image columns; padding above, left; strides; window rows; columns of the padded
        image; stretches a row; their length; padding's byte; flip; output rows of a band.
    order : int64[VECTORS, 16]
        `emit.depthwise.ORDER`.
    counters, since
        Of a `Tally`; no counters: nothing is counted.
    """
    channels, row_stride, columns = window[0], window[4], window[7]
    stretches, length, most = window[8], window[9], window[12]
    groups = taps.shape[0] // TAPS
    phases = constants.shape[0] // VECTORS
    row_bytes = columns * channels
    step = window[5] * channels
    sums, lengths = np.empty(_KEPT * VECTORS * 16, np.int32), np.empty(_KEPT, np.int64)
    few = np.empty((VECTORS, COUNTER_ROWS, 8), np.int64)
    counting = counters.shape[0] > 0
    for begin in range(first, last, most):
        band = min(most, last - begin)
        rows = (band - 1) * row_stride + window[6]
        image = scratch[: rows * row_bytes].reshape(rows, row_bytes)
        top = begin * row_stride - window[2]
        pad_rows(x, window[1] * channels, channels, top, window[3], window[10], window[11], image)
        source, target = scratch.ctypes.data, out.ctypes.data + begin * stretches * length
        count = band * stretches
        for phase in range(phases):
            own = constants.ctypes.data + phase * VECTORS * CONSTANT_BYTES
            matrix = weights.ctypes.data + phase * groups * VECTORS * STRETCH
            chunks = (length - phase * STRETCH + phases * STRETCH - 1) // (phases * STRETCH)
            for n in range(0, count * chunks, 2):
                # Two pieces of work share weights and constants; a last one alone is done twice.
                m = min(n + 1, count * chunks - 1)
                stretch, other = n // chunks, m // chunks
                place = (n % chunks * phases + phase) * STRETCH
                second = (m % chunks * phases + phase) * STRETCH
                x0 = stretch // stretches * row_stride * row_bytes + stretch % stretches * step + place
                x1 = other // stretches * row_stride * row_bytes + other % stretches * step + second
                y0, y1 = target + stretch * length + place, target + other * length + second
                left, right = length - place, length - second
                kept = sums.ctypes.data + n % _KEPT * VECTORS * STRETCH if counting else 0
                if correction == _BY_SIGN:
                    depthwise_by_sign(
                        source + x0,
                        source + x1,
                        taps.ctypes.data,
                        groups,
                        matrix,
                        own,
                        low,
                        high,
                        y0,
                        y1,
                        left,
                        right,
                        kept,
                    )
                elif correction == _BY_LAST:
                    depthwise_by_last(
                        source + x0,
                        source + x1,
                        taps.ctypes.data,
                        groups,
                        matrix,
                        own,
                        low,
                        high,
                        y0,
                        y1,
                        left,
                        right,
                        kept,
                    )
                else:
                    depthwise_plain(
                        source + x0,
                        source + x1,
                        taps.ctypes.data,
                        groups,
                        matrix,
                        own,
                        low,
                        high,
                        y0,
                        y1,
                        left,
                        right,
                        kept,
                    )
                if counting:
                    lengths[n % _KEPT], lengths[(n + 1) % _KEPT] = left, right
                    if (n + 2) % _KEPT == 0 or n + 2 >= count * chunks:
                        lost = masks.ctypes.data + phase * VECTORS * MASK_BYTES
                        into = counters[phase * VECTORS : (phase + 1) * VECTORS]
                        _count(sums, lengths[: m % _KEPT + 1], own, lost, low, high, order, few, into)
        if counting:
            mark(counters, since, begin)
    sums[0] = few[0, 0, 0]  # the pieces saw addresses only: this keeps both alive until here
