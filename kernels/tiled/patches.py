"""Where the patches of neighbouring output pixels begin."""

from __future__ import annotations

from npusim.kernels.jit import Int, part
from npusim.kernels.ops import Words


@part
def patches(
    offsets: Words, first: Int, count: Int, columns: Int, down: Int, across: Int, origin: Int
) -> None:
    """The byte offsets of output pixels from `first` on; those behind the last one are that one's.

    Parameters
    ----------
    count
        How many pixels there are.
    columns
        Of the output.
    down, across
        Bytes from patch to patch.
    origin
        What offsets count from.
    """
    if down == columns * across:
        for i in range(offsets.shape[0]):
            offsets[i] = (first + min(i, count - 1)) * across - origin
        return
    row = first // columns
    column = first - row * columns
    offset = row * down + column * across - origin
    for i in range(offsets.shape[0]):
        offsets[i] = offset
        if i + 1 < count:
            column, offset = column + 1, offset + across
            if column == columns:
                column, offset = 0, offset + down - columns * across
