"""A.resize_float32: a bilinear blend in single precision, every product and sum rounded in LiteRT's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.ops import Words

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Axis:
    """The two old places of each new one, and their weights.

    Attributes
    ----------
    first, second : int64[new]
    near, far : float32[new]
    """

    first: Words
    second: Words
    near: Singles
    far: Singles

    @classmethod
    def of(cls, first: npt.ArrayLike, second: npt.ArrayLike, far: Singles) -> Axis:
        """From the second one's weight; the first one's is what is left of one, in single precision."""
        near = np.float32(1) - far
        places = readonly(np.asarray(first), np.int64), readonly(np.asarray(second), np.int64)
        return cls(*places, readonly(near, np.float32), readonly(far, np.float32))


class DirectResize:
    """A resize of uint8 codes.

    Attributes
    ----------
    units
        Output rows.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(self, rows: Axis, columns: Axis, size: tuple[int, int, int]) -> None:
        self._rows, self._columns, self._size = rows, columns, size
        self.units, self.scratch_bytes = len(rows.first), 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        rows, columns = self._rows, self._columns
        made = out.reshape(self.units, len(columns.first), self._size[2])
        _blend(
            inputs[0].reshape(self._size),
            *(rows.first, rows.second, rows.near, rows.far),
            *(columns.first, columns.second, columns.near, columns.far),
            first,
            last,
            made,
        )


@kernel(signatures=1)
def _blend(
    x: npt.NDArray[np.uint8],
    upper: Words,
    lower: Words,
    above: Singles,
    below: Singles,
    left: Words,
    right: Words,
    near: Singles,
    far: Singles,
    first: int,
    last: int,
    out: npt.NDArray[np.uint8],
) -> None:
    """Output rows `first` .. `last` - 1; a row's products with its own weights serve all its columns."""
    columns, channels = x.shape[1], x.shape[2]
    high, low = np.empty((columns, channels), np.float32), np.empty((columns, channels), np.float32)
    half = np.float32(0.5)
    for r in range(first, last):
        for c in range(columns):
            for i in range(channels):
                high[c, i] = np.float32(x[upper[r], c, i]) * above[r]
                low[c, i] = np.float32(x[lower[r], c, i]) * below[r]
        for c in range(out.shape[1]):
            own, other, target = left[c], right[c], out[r, c]
            for i in range(channels):
                total = high[own, i] * near[c]
                total += low[own, i] * near[c]
                total += high[other, i] * far[c]
                total += low[other, i] * far[c]
                target[i] = np.uint8(np.int32(total + half))
