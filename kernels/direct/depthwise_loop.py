"""The compiled loop over output rows of `direct.depthwise`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.direct.scratch import pad_rows
from npusim.kernels.direct.tally import NO_HIGHEST, NO_LOWEST, mark, merge_lanes
from npusim.kernels.emit.count import COUNTER_ROWS, HIGHEST, LOWEST, MASK_BYTES, count_plain
from npusim.kernels.emit.depthwise import (
    STRETCH,
    TAPS,
    VECTORS,
    depthwise_by_last,
    depthwise_by_sign,
    depthwise_plain,
)
from npusim.kernels.emit.finish import CONSTANT_BYTES
from npusim.kernels.fuse import Correction
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import Words

_KEPT = 16
"""Stretches whose sums are kept until they are counted together; an even number."""

_BY_SIGN, _BY_LAST = int(Correction.BY_SIGN), int(Correction.BY_LAST)


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
            count_plain(made, last - first, VECTORS, constants, masks, low, high, into.ctypes.data, 0, 0, 0)
        else:
            few[:] = 0
            few[:, LOWEST], few[:, HIGHEST] = NO_LOWEST, NO_HIGHEST
            count_plain(made, last - first, VECTORS, constants, masks, low, high, few.ctypes.data, 0, 0, 0)
            merge_lanes(few, order, lengths[first], into)
        first = last


@kernel(signatures=1)
def convolve_depthwise(
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
