"""Sums that run across the output channels: for short rows of products.

There, adding up the lanes of a vector at the end would cost more than the products.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import Array, Int, kernel, part

BLOCK = 4
"""Rows and products that go together: every load is used four times."""


@part
def _add(total: Int, x0: Int, x1: Int, x2: Int, x3: Int, w0: Int, w1: Int, w2: Int, w3: Int) -> np.int32:
    """Four products onto an int32 sum; each step is cut to int32 so that LLVM keeps to narrow lanes."""
    i = np.int32
    return i(i(i(i(total + i(x0 * w0)) + i(x1 * w1)) + i(x2 * w2)) + i(x3 * w3))


@kernel(signatures=1)
def multiply_columns(
    patches: npt.NDArray[np.int16],
    weights: Array,
    out: Array,
    first_column: int,
) -> None:
    """Sums modulo 2**32 for all rows of `out`, from `first_column` on.

    Parameters
    ----------
    patches : int16[rows, depth]
    out : int32[rows, ...]
    weights : int32[products rounded up to the block, columns]
    """
    # All loads of an iteration come before its stores: LLVM would load again behind each store.
    i = np.int32
    last = first_column + weights.shape[1]
    out[:, first_column:last] = 0
    whole = out.shape[0] - out.shape[0] % BLOCK
    for r in range(0, whole, BLOCK):
        o0, o1 = out[r][first_column:last], out[r + 1][first_column:last]
        o2, o3 = out[r + 2][first_column:last], out[r + 3][first_column:last]
        p0, p1, p2, p3 = patches[r], patches[r + 1], patches[r + 2], patches[r + 3]
        for k in range(0, weights.shape[0], BLOCK):
            w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            x00, x01, x02, x03 = i(p0[k]), i(p0[k + 1]), i(p0[k + 2]), i(p0[k + 3])
            x10, x11, x12, x13 = i(p1[k]), i(p1[k + 1]), i(p1[k + 2]), i(p1[k + 3])
            x20, x21, x22, x23 = i(p2[k]), i(p2[k + 1]), i(p2[k + 2]), i(p2[k + 3])
            x30, x31, x32, x33 = i(p3[k]), i(p3[k + 1]), i(p3[k + 2]), i(p3[k + 3])
            for o in range(weights.shape[1]):
                v0, v1, v2, v3 = w0[o], w1[o], w2[o], w3[o]
                o0[o] = _add(o0[o], x00, x01, x02, x03, v0, v1, v2, v3)
                o1[o] = _add(o1[o], x10, x11, x12, x13, v0, v1, v2, v3)
                o2[o] = _add(o2[o], x20, x21, x22, x23, v0, v1, v2, v3)
                o3[o] = _add(o3[o], x30, x31, x32, x33, v0, v1, v2, v3)
    for r in range(whole, out.shape[0]):
        o0, p0 = out[r][first_column:last], patches[r]
        for k in range(0, weights.shape[0], BLOCK):
            w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            x00, x01, x02, x03 = i(p0[k]), i(p0[k + 1]), i(p0[k + 2]), i(p0[k + 3])
            for o in range(weights.shape[1]):
                v0, v1, v2, v3 = w0[o], w1[o], w2[o], w3[o]
                o0[o] = _add(o0[o], x00, x01, x02, x03, v0, v1, v2, v3)
