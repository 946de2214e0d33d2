"""Weights as `emit.tile` reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words


@dataclass(frozen=True, eq=False)
class Blocks:
    """Weights in blocks of up to four vectors of 16 columns.

    Attributes
    ----------
    weights : uint8[bytes]
        Block by block, each ``[quad][vector][16][4]``; columns beyond the last are zeros.
    table : int64[blocks, 3]
        Vectors, the first one's number, byte offset.
    """

    weights: Bytes
    table: Words


def pack_blocks(rows: npt.NDArray[np.int8]) -> Blocks:
    """Lay out weights : int8[columns, depth], the depth a multiple of four."""
    outputs, depth = rows.shape
    vectors = -(-outputs // 16)
    filled = np.zeros((vectors * 16, depth), np.int8)
    filled[:outputs] = rows
    quads = filled.reshape(vectors, 16, depth // 4, 4)
    parts, blocks, first, offset = [], [], 0, 0
    for count in _block_sizes(vectors):
        part = quads[first : first + count].transpose(2, 0, 1, 3).reshape(-1)
        blocks.append([count, first, offset])
        parts.append(part)
        first, offset = first + count, offset + part.size
    weights = _aligned(np.concatenate(parts).view(np.uint8))
    return Blocks(readonly(weights, np.uint8), readonly(blocks, np.int64))


def _block_sizes(vectors: int) -> list[int]:
    """Four vectors at a time; the rest in threes rather than a single one."""
    fours, rest = divmod(vectors, 4)
    match rest:
        case 0:
            return [4] * fours
        case 1 if fours >= 2:
            return [4] * (fours - 2) + [3, 3, 3]
        case 2 if fours >= 1:
            return [4] * (fours - 1) + [3, 3]
        case 1 if fours == 1:
            return [3, 2]
        case _:
            return [4] * fours + [rest]


def _aligned(array: Bytes) -> Bytes:
    """A copy that begins at a cache line."""
    memory = np.empty(array.size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    made = memory[start : start + array.size]
    made[:] = array
    return made
