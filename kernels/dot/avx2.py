"""The dot product on AVX2: two products of 16-bit operands a lane and instruction (`emit.pairs`).

Codes of any type are gathered as int16. Weights for which int32 sums could be left, or that do not
fit int16, are multiplied by the generic loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.dot.generic import DOT_PRODUCT as GENERIC
from npusim.kernels.dot.protocol import PackedMatrix, Patches
from npusim.kernels.emit.pairs import ROWS, pairs_6x2
from npusim.kernels.jit import Array, kernel, readonly

_BLOCK = 16
"""Columns of sums that go together."""


@dataclass(frozen=True, eq=False)
class PairsMatrix:
    """Packed weights.

    Attributes
    ----------
    weights : int16[blocks, depth / 2, 16, 2]
    """

    columns: int
    weights: npt.NDArray[np.int16]
    layout_id: str = "avx2"


class Avx2DotProduct:
    """See `DotProduct`."""

    layout_id = PairsMatrix.layout_id
    row_block = 12
    """Whole tiles, and whole blocks of the generic loops."""

    def element(self, codes: np.dtype[Any]) -> np.dtype[Any]:
        """Patches of any codes are int16."""
        return GENERIC.element(codes)

    def code_offset(self, codes: np.dtype[Any]) -> int:
        """Codes are taken as they are."""
        return GENERIC.code_offset(codes)

    def depth(self, products: int) -> int:
        """An even number."""
        return GENERIC.depth(products)

    def pack(self, weights: npt.NDArray[np.int64], codes: np.dtype[Any]) -> PackedMatrix:
        """Lay out in pairs where int32 sums are proven, for any input code; else as the generic loops do."""
        limits, (columns, products) = np.iinfo(codes), weights.shape
        magnitudes = np.abs(weights)
        greatest = int(magnitudes.sum(axis=1).max(initial=0)) * max(-int(limits.min), int(limits.max))
        if greatest >= 1 << 31 or int(magnitudes.max(initial=0)) >= 1 << 15:
            return GENERIC.pack(weights, codes)
        rows = np.zeros((-(-columns // _BLOCK) * _BLOCK, self.depth(products)), np.int16)
        rows[:columns, :products] = weights
        laid = rows.reshape(-1, _BLOCK, rows.shape[1] // 2, 2).transpose(0, 2, 1, 3)
        return PairsMatrix(columns, readonly(laid, np.int16))

    def tile(
        self,
        patches: Patches,
        packed: PackedMatrix,
        out: npt.NDArray[np.int32] | npt.NDArray[np.int64],
        first_column: int,
    ) -> None:
        """int32 sums straight into `out`; int64 sums by way of int32, where they are proven to fit."""
        if not isinstance(packed, PairsMatrix):
            GENERIC.tile(patches, packed, out, first_column)
        elif out.dtype == np.int32:
            rows = readonly(patches, np.int16)
            multiply_pairs(rows, packed.weights, out, first_column, packed.columns)
        else:
            sums = np.empty((out.shape[0], packed.columns), np.int32)
            self.tile(patches, packed, sums, 0)
            out[:, first_column : first_column + packed.columns] = sums


@kernel(signatures=1)
def multiply_pairs(
    patches: npt.NDArray[np.int16],
    weights: npt.NDArray[np.int16],
    out: Array,
    first_column: int,
    columns: int,
) -> None:
    """Sums for all rows of `out`, from `first_column` on; `patches` has whole tiles of rows.

    Parameters
    ----------
    patches : int16[rows or more, depth]
    weights : int16[blocks, depth / 2, 16, 2]
    out : int32[rows, ...]
    """
    sums = np.zeros(ROWS * _BLOCK, np.int32)
    stride = 2 * patches.shape[1]
    for r in range(0, out.shape[0], ROWS):
        for b in range(weights.shape[0]):
            matrix = weights.ctypes.data + b * _BLOCK * stride
            pairs_6x2(patches.ctypes.data + r * stride, stride, matrix, stride // 4, sums.ctypes.data)
            width = min(_BLOCK, columns - b * _BLOCK)
            for i in range(min(ROWS, out.shape[0] - r)):
                made = sums[i * _BLOCK : i * _BLOCK + width]
                place = out[r + i, first_column + b * _BLOCK : first_column + b * _BLOCK + width]
                for c in range(width):
                    place[c] = made[c]


DOT_PRODUCT = Avx2DotProduct()
