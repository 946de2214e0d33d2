"""What one core can do at most: dot products of bytes by VNNI, and float32 matrix products by BLAS."""

from __future__ import annotations

import time

import numpy as np

from npusim.kernels import isa
from npusim.kernels.isa import InstructionSet

_DEPTH, _ROWS, _COLUMNS = 512, 24, 64


def measure() -> dict[str, float]:
    """GMAC/s of one core by name; operands stay in the first-level cache."""
    found = {"FMA": _best(_float32())}
    if isa.selected() is InstructionSet.AVX512_VNNI:
        found["VNNI"] = _best(_bytes())
    return found


def _float32():  # type: ignore[no-untyped-def]
    random = np.random.default_rng(0)
    a, b = (random.normal(size=(512, 512)).astype(np.float32) for _ in range(2))
    out = np.empty((512, 512), np.float32)
    return 512**3, lambda: np.matmul(a, b, out=out)


def _bytes():  # type: ignore[no-untyped-def]
    from npusim.kernels.dot.avx512_vnni import DOT_PRODUCT

    packed = DOT_PRODUCT.pack(np.ones((_COLUMNS, _DEPTH), np.int64), np.dtype(np.int8))
    patches = np.ones((_ROWS * 40, _DEPTH), np.uint8)
    out = np.empty((_ROWS * 40, _COLUMNS), np.int32)
    return out.size * _DEPTH, lambda: DOT_PRODUCT.tile(patches, packed, out, 0)


def _best(work) -> float:  # type: ignore[no-untyped-def]
    macs, run = work
    best = float("inf")
    for _ in range(50):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return macs / best / 1e9
