"""What one core can do at most: dot products of bytes by VNNI, and float32 matrix products by BLAS."""

from __future__ import annotations

import time
from collections.abc import Callable

import numba
import numpy as np

from npusim.kernels import isa
from npusim.kernels.isa import InstructionSet

Work = tuple[int, Callable[[], object]]
"""Multiply-accumulates, and what makes them."""

_DEPTH = 512


def measure() -> dict[str, float]:
    """GMAC/s of one core by name; operands stay in the first-level cache."""
    found = {"FMA": _best(_float32())}
    if isa.selected() is InstructionSet.AVX512_VNNI:
        found["VNNI"] = _best(bytes_work())
    return found


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
    times = 2000
    macs = times * 6 * 64 * _DEPTH
    return macs, lambda: repeat(x, offsets, weights, segments, starts, sums, 0, times)


def _best(work: Work) -> float:
    macs, run = work
    best = float("inf")
    for _ in range(50):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return macs / best / 1e9
