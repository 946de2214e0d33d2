"""Depthwise convolutions from codes to codes (AVX-512 VNNI).

With a column stride of one, neighbouring pixels' channels lie side by side in input and output: a
whole output row is one stretch, whatever the number of channels. Otherwise every pixel is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

from npusim.kernels.direct.depthwise_loop import convolve_depthwise
from npusim.kernels.direct.layout import FinishConstants, finish_constants
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.direct.scratch import SLACK
from npusim.kernels.direct.tally import NOT_COUNTED, Tally
from npusim.kernels.emit.depthwise import (
    ORDER,
    STRETCH,
    TAPS,
)
from npusim.kernels.fuse import Correction
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.plan import Plan

_BAND_BYTES = 1 << 16
"""Of padded input that is made at once: it is read again from the first- or second-level cache."""

_MOST_PHASES = 64
"""Stretches until channels and vectors meet again; each has weights and constants of its own."""

_ORDER = readonly(ORDER, np.int64)


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

    def _run(self, x: Bytes, out: Bytes, scratch: Bytes, units: range, counters: Words, since: Words) -> None:
        convolve_depthwise(
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
