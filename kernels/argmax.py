"""The index of each row's greatest 8-bit code, the first of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.jit import kernel

_UNIT = 1 << 10
"""Rows of a unit."""


class DirectArgmax:
    """An argmax over the last axis.

    Attributes
    ----------
    units
        Stretches of rows.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(self, rows: int, length: int, codes: np.dtype[np.generic]) -> None:
        self._rows, self._length, self._flip = rows, length, 128 if codes == np.int8 else 0
        self.units, self.scratch_bytes = -(-rows // _UNIT), 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        part = slice(first * _UNIT, min(last * _UNIT, self._rows))
        x = inputs[0].reshape(self._rows, self._length)[part]
        _greatest(x, self._flip, out.view(np.int32)[part])


@kernel(signatures=1)
def _greatest(x: npt.NDArray[np.uint8], flip: int, out: npt.NDArray[np.int32]) -> None:
    mask = np.uint8(flip)
    for r in range(x.shape[0]):
        row = x[r]
        best, index = row[0] ^ mask, 0
        for i in range(1, row.shape[0]):
            code = row[i] ^ mask
            if code > best:
                best, index = code, i
        out[r] = index
