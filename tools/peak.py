"""What one core can do at most: dot products by VNNI, float32 matrix products by BLAS, sums to codes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np

from npusim.kernels import isa
from npusim.kernels.emit.multiply import SHAPES
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_BYTES, Form
from npusim.kernels.isa import InstructionSet

Work = tuple[int, Callable[[], object]]
"""Multiply-accumulates, or outputs, and what makes them."""

VNNI = "VNNI"
_DEPTH = 512
_TIMES = 2000


@dataclass(frozen=True)
class Peaks:
    """What has been measured, operands in the first-level cache.

    Attributes
    ----------
    macs
        GMAC/s by name.
    codes
        Billions of sums a second that become codes, by form.
    """

    macs: dict[str, float]
    codes: dict[Form, float]

    @property
    def vnni(self) -> float:
        """GMAC/s, or 0."""
        return self.macs.get(VNNI, 0.0)

    def least_seconds(self, macs: int, outputs: int, form: Form) -> float | None:
        """What a layer takes at both peaks, one after the other: both want the same units."""
        if not self.vnni or form not in self.codes:
            return None
        return macs / self.vnni / 1e9 + outputs / self.codes[form] / 1e9


def measure() -> Peaks:
    """All peaks of one core."""
    found, codes = {"FMA": _best(_float32())}, {}
    if isa.selected() is InstructionSet.AVX512_VNNI:
        found[VNNI] = _best(bytes_work())
        codes = {form: _best(_codes_work(form)) for form in (Form.HALVES, Form.HIGH_SIGNED)}
    return Peaks(found, codes)


def _float32() -> Work:
    random = np.random.default_rng(0)
    a, b = (random.normal(size=(512, 512)).astype(np.float32) for _ in range(2))
    out = np.empty((512, 512), np.float32)
    return 512**3, lambda: np.matmul(a, b, out=out)


def bytes_work() -> Work:
    """The tile that convolutions are made of, again and again on the same operands."""
    from npusim.kernels.emit.tile import tile_6x4

    @numba.njit
    def repeat(x, offsets, weights, segments, starts, sums, flip, times):  # type: ignore[no-untyped-def]
        for _ in range(times):
            tile_6x4(
                x.ctypes.data,
                offsets.ctypes.data,
                weights.ctypes.data,
                segments.ctypes.data,
                1,
                _DEPTH // 4,
                flip,
                starts.ctypes.data,
                0,
                sums.ctypes.data,
            )

    x, weights = np.ones(6 * _DEPTH, np.uint8), np.ones(64 * _DEPTH, np.int8)
    offsets, segments = np.arange(6) * _DEPTH, np.zeros(1, np.int64)
    starts, sums = np.zeros(16, np.int32), np.zeros(6 * 64, np.int32)
    macs = _TIMES * 6 * 64 * _DEPTH
    return macs, lambda: repeat(x, offsets, weights, segments, starts, sums, 0, _TIMES)


def _codes_work(form: Form) -> Work:
    """Tiles of no products at all: sums are their starts, which become codes and are written.

    That there are none is not known when this is compiled: all rows would be one.
    """
    from npusim.kernels.emit.tile_once import tile_once

    vectors = max(SHAPES)
    rows, stride, chosen = SHAPES[vectors], vectors * COUNT, int(form)

    @numba.njit
    def repeat(nothing, constants, ends, out, segments, times):  # type: ignore[no-untyped-def]
        empty = nothing.ctypes.data
        for _ in range(times):
            tile_once(
                chosen,
                vectors,
                empty,
                empty,
                empty,
                empty,
                segments,
                1,
                empty,
                constants.ctypes.data,
                ends.ctypes.data,
                rows,
                out.ctypes.data,
                stride,
                stride,
            )

    nothing, constants = np.zeros(VECTOR, np.uint8), np.ones(vectors * CONSTANT_BYTES, np.uint8)
    ends, out = np.array([0, -128, 127, 0]), np.zeros(rows * stride, np.uint8)
    return _TIMES * rows * stride, lambda: repeat(nothing, constants, ends, out, 0, _TIMES)


def _best(work: Work) -> float:
    amount, run = work
    best = float("inf")
    for _ in range(50):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return amount / best / 1e9
