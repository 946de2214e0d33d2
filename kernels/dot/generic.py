"""The dot product in plain loops: LLVM vectorises it for whatever target numba compiles for.

Four rows by four columns of sums run along the products together, so that every load is used four
times; int16 operands let LLVM use multiply-add instructions where the target has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.dot.protocol import PackedMatrix, Patches
from npusim.kernels.jit import kernel, part, readonly

_BLOCK = 4
_DEPTH_MULTIPLE = 32
"""Products per step of the widest vectors: the loop along them has no tail."""


Weights = npt.NDArray[np.int16] | npt.NDArray[np.int32]
Sums = npt.NDArray[np.int32] | npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GenericMatrix:
    """Weights [columns rounded up to the block, depth], zero where there is no weight.

    `narrow` : int16, and its int32 sums never leave the word for any input code; else `wide` : int32.
    """

    columns: int
    narrow: npt.NDArray[np.int16] | None
    wide: npt.NDArray[np.int32] | None
    layout_id: str = "generic-rows-of-columns"


class GenericDotProduct:
    """See `DotProduct`."""

    layout_id = GenericMatrix.layout_id
    row_block = _BLOCK

    def element(self, codes: np.dtype[Any]) -> np.dtype[Any]:
        return np.dtype(np.int16)

    def code_offset(self, codes: np.dtype[Any]) -> int:
        return 0

    def depth(self, products: int) -> int:
        return _round_up(products, _DEPTH_MULTIPLE)

    def pack(self, weights: npt.NDArray[np.int64], codes: np.dtype[Any]) -> GenericMatrix:
        columns, products = weights.shape
        limits = np.iinfo(codes)
        greatest = int(np.abs(weights).sum(axis=1).max(initial=0)) * max(-int(limits.min), int(limits.max))
        narrow = greatest < 1 << 31 and int(np.abs(weights).max(initial=0)) < 1 << 15
        laid_out = np.zeros((_round_up(columns, _BLOCK), self.depth(products)), np.int64)
        laid_out[:columns, :products] = weights
        if narrow:
            return GenericMatrix(columns, readonly(laid_out, np.int16), None)
        return GenericMatrix(columns, None, readonly(laid_out, np.int32))

    def tile(
        self,
        patches: Patches,
        packed: PackedMatrix,
        out: npt.NDArray[np.int32] | npt.NDArray[np.int64],
        first_column: int,
    ) -> None:
        assert isinstance(packed, GenericMatrix)
        narrow = packed.narrow is not None
        wanted = np.dtype(np.int32 if narrow else np.int64)
        direct = out.dtype == wanted
        sums = out if direct else np.empty((out.shape[0], packed.columns), wanted)
        column = first_column if direct else 0
        weights = packed.narrow if packed.narrow is not None else packed.wide
        _tile(readonly(patches, np.int16), weights, sums, column, packed.columns)
        if not direct:
            out[:, column_slice(first_column, packed.columns)] = sums


@part
def _store(out: Sums, row: int, column: int, left: int, a0: int, a1: int, a2: int, a3: int) -> None:
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
def _tile(
    patches: npt.NDArray[np.int16], weights: Weights, out: Sums, first_column: int, columns: int
) -> None:
    """Sums of `out`'s type for all its rows: int32 from int16 weights, int64 from int32 weights."""
    t = out.dtype.type
    for o in range(0, columns, _BLOCK):
        for r in range(0, out.shape[0], _BLOCK):
            a00 = a01 = a02 = a03 = a10 = a11 = a12 = a13 = t(0)
            a20 = a21 = a22 = a23 = a30 = a31 = a32 = a33 = t(0)
            for k in range(patches.shape[1]):
                x0, x1, x2, x3 = t(patches[r, k]), t(patches[r + 1, k]), t(patches[r + 2, k]), t(patches[r + 3, k])
                w0, w1, w2, w3 = t(weights[o, k]), t(weights[o + 1, k]), t(weights[o + 2, k]), t(weights[o + 3, k])
                a00, a01, a02, a03 = t(a00 + x0 * w0), t(a01 + x0 * w1), t(a02 + x0 * w2), t(a03 + x0 * w3)
                a10, a11, a12, a13 = t(a10 + x1 * w0), t(a11 + x1 * w1), t(a12 + x1 * w2), t(a13 + x1 * w3)
                a20, a21, a22, a23 = t(a20 + x2 * w0), t(a21 + x2 * w1), t(a22 + x2 * w2), t(a23 + x2 * w3)
                a30, a31, a32, a33 = t(a30 + x3 * w0), t(a31 + x3 * w1), t(a32 + x3 * w2), t(a33 + x3 * w3)
            _store(out, r, first_column + o, columns - o, a00, a01, a02, a03)
            _store(out, r + 1, first_column + o, columns - o, a10, a11, a12, a13)
            _store(out, r + 2, first_column + o, columns - o, a20, a21, a22, a23)
            _store(out, r + 3, first_column + o, columns - o, a30, a31, a32, a33)


def column_slice(first: int, count: int) -> slice:
    """`count` columns from `first` on."""
    return slice(first, first + count)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


DOT_PRODUCT = GenericDotProduct()
