"""The dot product on AVX-512 VNNI: four products of bytes a lane and instruction (`emit.tile`).

Codes of 8 bits and weights that fit int8 take it; anything else is multiplied two products of int16 a
lane, as on AVX2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.weights import Blocks, pack_blocks
from npusim.kernels.dot.avx2 import DOT_PRODUCT as PAIRS
from npusim.kernels.dot.protocol import PackedMatrix, Patches
from npusim.kernels.emit.tile import tile_6x4, tile_8x1, tile_8x2, tile_8x3
from npusim.kernels.jit import Array, kernel, readonly
from npusim.kernels.ops import Words

_OFFSET = 128
"""What makes an int8 code unsigned."""


@dataclass(frozen=True, eq=False)
class VnniMatrix:
    """Packed weights.

    Attributes
    ----------
    blocks
        int8 weights; None: `rest` has them.
    rest
        The layout of pairs, for patches of codes plus the offset as int16.
    narrow
        Sums of patches, offset included, fit int32 for any codes.
    """

    columns: int
    blocks: Blocks | None
    rest: PackedMatrix | None
    narrow: bool
    layout_id: str = "avx512_vnni"


class VnniDotProduct:
    """See `DotProduct`."""

    layout_id = VnniMatrix.layout_id
    row_block = PAIRS.row_block

    def element(self, codes: np.dtype[Any]) -> np.dtype[Any]:
        """Patches of 8-bit codes are unsigned bytes."""
        return np.dtype(np.uint8) if codes.itemsize == 1 else PAIRS.element(codes)

    def code_offset(self, codes: np.dtype[Any]) -> int:
        """128 for int8."""
        return _OFFSET if codes == np.int8 else 0

    def depth(self, products: int) -> int:
        """A multiple of four."""
        return PAIRS.depth(products)

    def pack(self, weights: npt.NDArray[np.int64], codes: np.dtype[Any]) -> PackedMatrix:
        """Lay out in blocks, or in pairs."""
        if codes.itemsize != 1:
            return PAIRS.pack(weights, codes)
        columns, products = weights.shape
        limits = np.iinfo(np.int8)
        if weights.size == 0 or weights.min() < limits.min or weights.max() > limits.max:
            rest = PAIRS.pack(weights, np.dtype(np.uint8))
            return VnniMatrix(columns, None, rest, narrow=False)
        rows = np.zeros((columns, self.depth(products)), np.int8)
        rows[:, :products] = weights
        greatest = int(np.abs(weights).sum(axis=1).max()) * 255
        return VnniMatrix(columns, pack_blocks(rows), None, narrow=greatest < 1 << 31)

    def tile(
        self,
        patches: Patches,
        packed: PackedMatrix,
        out: npt.NDArray[np.int32] | npt.NDArray[np.int64],
        first_column: int,
    ) -> None:
        """int32 sums straight into `out`; int64 sums by way of int32 where those are proven to fit."""
        if not isinstance(packed, VnniMatrix):
            PAIRS.tile(patches, packed, out, first_column)
        elif packed.blocks is None:
            assert packed.rest is not None
            PAIRS.tile(patches.astype(np.int16), packed.rest, out, first_column)
        elif out.dtype == np.int32:
            self._multiply(patches, packed.blocks, out, first_column, packed.columns)
        else:
            out[:, first_column : first_column + packed.columns] = self._wide(patches, packed, out.shape[0])

    def _multiply(self, patches: Patches, blocks: Blocks, out: Array, first: int, columns: int) -> None:
        multiply_blocks(readonly(patches, np.uint8), blocks.weights, blocks.table, out, first, columns)

    def _wide(self, patches: Patches, packed: VnniMatrix, rows: int) -> Words:
        """int64 sums. Where int32 could be left, the products are split in parts that cannot leave it."""
        assert packed.blocks is not None
        sums = np.zeros((rows, packed.columns), np.int32)
        if packed.narrow:
            self._multiply(patches, packed.blocks, sums, 0, packed.columns)
            return sums.astype(np.int64)
        total = np.zeros((rows, packed.columns), np.int64)
        depth = patches.shape[1]
        for start in range(0, depth, _SAFE):
            part = np.zeros_like(patches)
            part[:, start : start + _SAFE] = patches[:, start : start + _SAFE]
            self._multiply(part, packed.blocks, sums, 0, packed.columns)
            total += sums
        return total


_SAFE = ((1 << 31) - 1) // (128 * 255) // 32 * 32
"""So many products of a byte and an int8 code fit int32."""


@kernel(signatures=1)
def multiply_blocks(
    patches: npt.NDArray[np.uint8],
    weights: npt.NDArray[np.uint8],
    blocks: Words,
    out: npt.NDArray[np.int32],
    first_column: int,
    columns: int,
) -> None:
    """Sums modulo 2**32 for all rows of `out`, from `first_column` on.

    Parameters
    ----------
    patches : uint8[rows or more, depth]
    weights, blocks
        See `direct.weights.Blocks`.
    out : int32[rows, ...]
    """
    depth = patches.shape[1]
    offsets, segments = np.zeros(8, np.int64), np.zeros(1, np.int64)
    starts, sums = np.zeros(16, np.int32), np.zeros(8 * 4 * 16, np.int32)
    x, w, at = patches.ctypes.data, weights.ctypes.data, offsets.ctypes.data
    s, start, to, quads = segments.ctypes.data, starts.ctypes.data, sums.ctypes.data, depth // 4
    for b in range(blocks.shape[0]):
        vectors, begin, matrix = blocks[b, 0], blocks[b, 1] * 16, w + blocks[b, 2]
        step = 6 if vectors == 4 else 8
        width = min(16 * vectors, columns - begin)
        for r in range(0, out.shape[0], step):
            for i in range(step):
                offsets[i] = min(r + i, out.shape[0] - 1) * depth
            if vectors == 4:
                tile_6x4(x, at, matrix, s, 1, quads, 0, start, 0, to)
            elif vectors == 3:
                tile_8x3(x, at, matrix, s, 1, quads, 0, start, 0, to)
            elif vectors == 2:
                tile_8x2(x, at, matrix, s, 1, quads, 0, start, 0, to)
            else:
                tile_8x1(x, at, matrix, s, 1, quads, 0, start, 0, to)
            for i in range(min(step, out.shape[0] - r)):
                for c in range(width):
                    out[r + i, first_column + begin + c] = sums[i * vectors * 16 + c]
    # The pieces saw addresses only: these reads keep the arrays alive until here.
    offsets[0] = segments[0] + starts[0] + sums[0]


DOT_PRODUCT = VnniDotProduct()
