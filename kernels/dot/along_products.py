"""Sums that run along the products: for long rows of products.

Four rows by four columns of sums go together, so that every load is used four times; int16 operands
let LLVM use multiply-add instructions where the target has them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import Array, Int, kernel, part

BLOCK = 4
"""Rows and columns of sums that go together."""


@part
def _store(out: Array, row: int, column: int, left: int, a0: Int, a1: Int, a2: Int, a3: Int) -> None:
    """Up to four sums of one row; surplus rows and columns fall away."""
    if row < out.shape[0]:
        out[row, column] = a0
        if left > 1:
            out[row, column + 1] = a1
        if left > 2:
            out[row, column + 2] = a2
        if left > 3:
            out[row, column + 3] = a3


@kernel(signatures=2)
def multiply_rows(
    patches: npt.NDArray[np.int16], weights: Array, out: Array, first_column: int, columns: int
) -> None:
    """Sums of `out`'s type for all its rows: int32 from int16 weights, int64 from int32 weights."""
    t = out.dtype.type
    for o in range(0, columns, BLOCK):
        for r in range(0, out.shape[0], BLOCK):
            a00 = a01 = a02 = a03 = a10 = a11 = a12 = a13 = t(0)
            a20 = a21 = a22 = a23 = a30 = a31 = a32 = a33 = t(0)
            for k in range(patches.shape[1]):
                x0, x1 = t(patches[r, k]), t(patches[r + 1, k])
                x2, x3 = t(patches[r + 2, k]), t(patches[r + 3, k])
                w0, w1 = t(weights[o, k]), t(weights[o + 1, k])
                w2, w3 = t(weights[o + 2, k]), t(weights[o + 3, k])
                a00, a01, a02, a03 = t(a00 + x0 * w0), t(a01 + x0 * w1), t(a02 + x0 * w2), t(a03 + x0 * w3)
                a10, a11, a12, a13 = t(a10 + x1 * w0), t(a11 + x1 * w1), t(a12 + x1 * w2), t(a13 + x1 * w3)
                a20, a21, a22, a23 = t(a20 + x2 * w0), t(a21 + x2 * w1), t(a22 + x2 * w2), t(a23 + x2 * w3)
                a30, a31, a32, a33 = t(a30 + x3 * w0), t(a31 + x3 * w1), t(a32 + x3 * w2), t(a33 + x3 * w3)
            _store(out, r, first_column + o, columns - o, a00, a01, a02, a03)
            _store(out, r + 1, first_column + o, columns - o, a10, a11, a12, a13)
            _store(out, r + 2, first_column + o, columns - o, a20, a21, a22, a23)
            _store(out, r + 3, first_column + o, columns - o, a30, a31, a32, a33)
