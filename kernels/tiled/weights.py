"""Weights as `emit.multiply` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.emit.multiply import SHAPES
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.jit import Scalar, readonly
from npusim.kernels.ops import Words

_LINE = 64

GROUP = 4
"""Vectors that codes are made of at a time: several rows of a block of fewer."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Weights in blocks of a few vectors of columns.

    Attributes
    ----------
    weights : uint8[bytes]
        Block by block, each ``[step][vector][COUNT][4 bytes]``; columns beyond the last are copies of it.
    table : int64[blocks, 3]
        Vectors, the first one's number, byte offset.
    columns : int64[blocks, GROUP, COUNT]
        Which column each lane of `GROUP` vectors holds, -1 for none: a block's own, as often as they fit.
    """

    weights: Bytes
    table: Words
    columns: Words


def pack_blocks(rows: npt.NDArray[Any]) -> Blocks:
    """Lay out weights : int8 or int16[columns, depth], a row a multiple of four bytes."""
    outputs, depth = rows.shape
    taken = 4 // rows.itemsize
    vectors = -(-outputs // COUNT)
    filled = rows[np.minimum(np.arange(vectors * COUNT), outputs - 1)]
    steps = filled.reshape(vectors, COUNT, depth // taken, taken)
    parts, blocks, first, offset = [], [], 0, 0
    for count in block_sizes(vectors):
        part = steps[first : first + count].transpose(2, 0, 1, 3).reshape(-1).view(np.uint8)
        blocks.append([count, first, offset])
        parts.append(part)
        first, offset = first + count, offset + part.size
    columns = np.full((len(blocks), GROUP, COUNT), -1)
    for own, (count, first, _) in zip(columns, blocks, strict=True):
        for v in range(GROUP // count * count):
            own[v] = (first + v % count) * COUNT + np.arange(COUNT)
    columns[columns >= outputs] = -1
    return Blocks(aligned(np.concatenate(parts)), readonly(blocks, np.int64), readonly(columns, np.int64))


def block_sizes(vectors: int) -> list[int]:
    """As many as the largest tile has at a time, then what is left."""
    whole, rest = divmod(vectors, max(SHAPES))
    # Codes are made of four vectors at a time: three would be one too few.
    return [max(SHAPES)] * whole + [size for size in (2, 1) if rest & size]


def aligned(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """A read-only copy that begins at a cache line."""
    memory = np.empty(array.nbytes + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    made = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    made[...] = array
    return readonly(made, array.dtype)
