"""W7: bilinear resizes with integer weights, from 8-bit codes to codes, a row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.alike import count_sums
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.fuse import FusedRescale
from npusim.kernels.jit import Array, kernel, readonly
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.rescale import finish, fits

_WORD = 1 << 31

_NO_MARKS = readonly(np.zeros(0), np.int64)

_NO_RECORD = np.zeros(0, np.int64)
"""In place of a record: nothing is counted."""


@dataclass(frozen=True, eq=False)
class Axis:
    """The two old places of each new one; the second one's weight, and the first one's.

    Attributes
    ----------
    first, second, near, far : int64[new]
    """

    first: Words
    second: Words
    near: Words
    far: Words

    @classmethod
    def of(cls, first: Words, second: Words, far: Words, one: int) -> Axis:
        """From the second one's weight; both add up to `one`."""
        return cls(*(readonly(values, np.int64) for values in (first, second, one - far, far)))


class DirectBlend:
    """A resize of codes of one type; make it with `direct_blend`.

    Attributes
    ----------
    units
        Output rows.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(
        self,
        rows: Axis,
        columns: Axis,
        size: tuple[int, int, int],
        codes: np.dtype[np.generic],
        fused: FusedRescale,
    ) -> None:
        self._rows, self._columns, self._size, self._codes, self._fused = rows, columns, size, codes, fused
        self.units, self.scratch_bytes = len(rows.first), 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        self.run_told(inputs[0], out, (first, last), _NO_MARKS, 0, _NO_RECORD)

    def run_told(
        self, x: Bytes, out: Bytes, units: tuple[int, int], marks: Words, kinds: int, record: Words
    ) -> None:
        """Some rows; events are added to the record, if it is not empty."""
        rows, columns, fused = self._rows, self._columns, self._fused
        height, width, channels = self._size
        blend_rows(
            x.view(self._codes).reshape(height, width * channels),
            *(rows.first, rows.second, rows.near, rows.far),
            *(columns.first, columns.second, columns.near, columns.far),
            *units,
            fused.small,
            fused.constants,
            int(fused.correction),
            marks,
            kinds,
            record,
            out.view(self._codes).reshape(self.units, -1),
        )


class CountingBlend:
    """A resize with its events counted; see `Counting`.

    Parameters
    ----------
    marks, kinds
        The pipeline's `marks_of`, and how many kinds it has.
    """

    def __init__(self, direct: DirectBlend, marks: Words, kinds: int) -> None:
        self._direct, self._marks, self._kinds = direct, marks, kinds
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        self._direct.run_told(inputs[0], out, (first, last), self._marks, self._kinds, record)


def direct_blend(
    rows: Axis,
    columns: Axis,
    size: tuple[int, int, int],
    plan: Plan,
    reach: int,
    inputs: np.dtype[np.generic],
    codes: np.dtype[np.generic],
) -> DirectBlend | None:
    """The one-pass form of a resize; None if it is not proven right.

    Parameters
    ----------
    size
        The image's rows, columns and channels.
    plan
        What rounds a blend.
    reach
        The greatest magnitude of a blend.
    inputs, codes
        The types of both tensors' codes.
    """
    fused = plan.fused
    if fused is None or inputs != codes or codes.itemsize != 1:
        return None
    if reach >= _WORD or not fits(fused, reach, codes):
        return None
    return DirectBlend(rows, columns, size, codes, fused)


@kernel(signatures=2)
def blend_rows(
    x: Array,
    upper: Words,
    lower: Words,
    above: Words,
    below: Words,
    left: Words,
    right: Words,
    near: Words,
    far: Words,
    first: int,
    last: int,
    small: npt.NDArray[np.int32],
    constants: Words,
    correction: int,
    marks: Words,
    kinds: int,
    record: Words,
    out: Array,
) -> None:
    """Output rows `first` .. `last` - 1; weights add up to so little that int32 holds all sums.

    Parameters
    ----------
    x : int8 or uint8[rows, columns * channels]
    small, constants, correction
        Of a `FusedRescale`.
    marks, kinds
        Of `CountingBlend`.
    record
        Events are added to it; an empty one: nothing is counted.
    out : int8 or uint8[new rows, new columns * channels]
    """
    row, width = out.shape[1], small.shape[1]
    channels = row // left.shape[0]
    mixed, sums = np.empty(x.shape[1], np.int32), np.empty(row, np.int32)
    for r in range(first, last):
        one, other, weight, rest = x[upper[r]], x[lower[r]], np.int32(above[r]), np.int32(below[r])
        for i in range(mixed.shape[0]):
            mixed[i] = np.int32(one[i]) * weight + np.int32(other[i]) * rest
        for c in range(left.shape[0]):
            a, b = mixed[left[c] * channels :][:channels], mixed[right[c] * channels :][:channels]
            target, weight, rest = sums[c * channels :][:channels], np.int32(near[c]), np.int32(far[c])
            for i in range(target.shape[0]):
                target[i] = a[i] * weight + b[i] * rest
        for start in range(0, row, width):
            stop = min(start + width, row)
            finish(sums[start:stop], small, constants, correction, out[r, start:stop])
        if record.shape[0] > 0:
            count_sums(sums, marks, kinds, r * row, (r + 1) * row, record)
