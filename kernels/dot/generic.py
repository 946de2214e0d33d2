"""The dot product in plain loops: LLVM vectorises them for whatever target numba compiles for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.dot import across_columns, along_products
from npusim.kernels.dot.protocol import PackedMatrix, Patches
from npusim.kernels.jit import readonly

_WIDEST = 32
"""Products per step of the widest vectors: loops along long rows have no tail."""

_SHORT = 128
"""Up to so many products, sums run across the columns."""

_FEWEST_COLUMNS = 16
"""A vector of sums."""


class Layout(Enum):
    """How weights lie in memory; zeros fill what is rounded up."""

    NARROW_ROWS = "int16[columns rounded up, depth]"
    """int32 sums never leave the word, for any input code."""
    WIDE_ROWS = "int32[columns rounded up, depth]"
    """Summed in int64."""
    COLUMNS = "int32[products rounded up, columns]"
    """As narrow rows."""


@dataclass(frozen=True, eq=False)
class GenericMatrix:
    """Packed weights."""

    columns: int
    layout: Layout
    weights: npt.NDArray[np.int16] | npt.NDArray[np.int32]
    layout_id: str = "generic"


class GenericDotProduct:
    """See `DotProduct`."""

    layout_id = GenericMatrix.layout_id
    row_block = along_products.BLOCK

    def element(self, codes: np.dtype[Any]) -> np.dtype[Any]:
        """Patches of any codes are int16."""
        return np.dtype(np.int16)

    def code_offset(self, codes: np.dtype[Any]) -> int:
        """Codes are taken as they are."""
        return 0

    def depth(self, products: int) -> int:
        """Short rows are rounded up to the block, long ones to the widest vector."""
        return _round_up(products, _WIDEST if products > _SHORT else across_columns.BLOCK)

    def pack(self, weights: npt.NDArray[np.int64], codes: np.dtype[Any]) -> GenericMatrix:
        """Choose the layout and fill it."""
        columns, products = weights.shape
        depth = self.depth(products)
        limits = np.iinfo(codes)
        magnitudes = np.abs(weights)
        greatest = int(magnitudes.sum(axis=1).max(initial=0)) * max(-int(limits.min), int(limits.max))
        narrow = greatest < 1 << 31 and int(magnitudes.max(initial=0)) < 1 << 15
        if narrow and products <= _SHORT and columns >= _FEWEST_COLUMNS:
            by_product = np.zeros((depth, columns), np.int32)
            by_product[:products] = weights.T
            return GenericMatrix(columns, Layout.COLUMNS, readonly(by_product, np.int32))
        by_column = np.zeros((_round_up(columns, along_products.BLOCK), depth), np.int32)
        by_column[:columns, :products] = weights
        if narrow:
            return GenericMatrix(columns, Layout.NARROW_ROWS, readonly(by_column.astype(np.int16), np.int16))
        return GenericMatrix(columns, Layout.WIDE_ROWS, readonly(by_column, np.int32))

    def tile(
        self,
        patches: Patches,
        packed: PackedMatrix,
        out: npt.NDArray[np.int32] | npt.NDArray[np.int64],
        first_column: int,
    ) -> None:
        """Compute in the layout's word, straight into `out` where that is its type."""
        assert isinstance(packed, GenericMatrix)
        word = np.dtype(np.int64 if packed.layout is Layout.WIDE_ROWS else np.int32)
        if out.dtype != word:
            sums = np.empty((out.shape[0], packed.columns), word)
            self.tile(patches, packed, sums, 0)
            out[:, first_column : first_column + packed.columns] = sums
            return
        rows = readonly(patches, np.int16)
        if packed.layout is Layout.COLUMNS:
            across_columns.multiply_columns(rows, packed.weights, out, first_column)
        else:
            along_products.multiply_rows(rows, packed.weights, out, first_column, packed.columns)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


DOT_PRODUCT = GenericDotProduct()
