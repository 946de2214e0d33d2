"""Events by table of all values that can enter a pipeline, where those are few and codes are not enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes, Direct
from npusim.kernels.events import KINDS
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.members import Kind, flagged
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.pool import add_windows, window_counts
from npusim.kernels.records import COUNT, FIRST, HIGHEST, KINDS_KEPT, LOWEST

_MOST = 1 << 19
"""Magnitudes of values up to which there is a table: 2 MiB, made in some hundredths of a second."""

Causes = npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Values:
    """What values cause.

    Attributes
    ----------
    causes : uint16[2 * reach + 1]
        A bit for each of `kinds` that the value causes; -reach comes first.
    kinds
        All that any value can cause.
    """

    causes: Causes
    kinds: tuple[Kind, ...]


def values_of(plan: Plan, reach: int) -> Values | None:
    """What values up to `reach` in magnitude cause.

    None if channels differ, there are too many values or kinds, or a value has no place in a table.
    """
    found = flagged(plan, np.arange(-reach, reach + 1)) if reach <= _MOST else None
    if found is None:
        return None
    kinds = [
        (stage, event)
        for stage, caused in enumerate(found[1])
        for number, event in enumerate(KINDS)
        if np.any((caused >> number) & 1)
    ]
    causes = np.zeros(2 * reach + 1, np.uint16)
    for bit, (stage, event) in enumerate(kinds[:KINDS_KEPT]):
        causes |= ((found[1][stage] >> KINDS.index(event)) & 1).astype(np.uint16) << bit
    return Values(readonly(causes, np.uint16), tuple(kinds)) if len(kinds) <= KINDS_KEPT else None


class CountingAverages:
    """An average pool in one pass with its events, counted by its windows' sums; see `Counting`.

    Parameters
    ----------
    shape
        The image's rows, columns and channels.
    x_zero
        What is taken off each code.
    """

    def __init__(
        self,
        direct: Direct,
        geometry: Geometry,
        shape: tuple[int, int, int],
        codes: np.dtype[np.generic],
        x_zero: int,
        values: Values,
    ) -> None:
        self._direct, self._geometry, self._values = direct, geometry.parameters, values
        self._shape, self._codes = shape, codes
        counts = window_counts(shape[0], shape[1], geometry)
        self._start = (-x_zero * counts)[:, np.newaxis].repeat(shape[2], axis=1)
        self.units, self.scratch_bytes = 1, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        self._direct.run(inputs, out, scratch, 0, self._direct.units)
        sums = self._start.copy()
        add_windows(inputs[0].view(self._codes).reshape(self._shape), self._geometry, sums)
        count_values(sums, self._values.causes, record)


@kernel(signatures=1)
def count_values(values: Words, causes: Causes, record: Words) -> None:
    """Add what values : int64[pixels, channels] cause to a record; the middle one of `causes` is zero's."""
    zero, channels = causes.shape[0] // 2, values.shape[1]
    for i in range(values.size):
        value = values[i // channels, i % channels]
        record[LOWEST], record[HIGHEST] = min(record[LOWEST], value), max(record[HIGHEST], value)
        caused = np.int64(causes[zero + value])
        kind = 0
        while caused != 0:
            if caused & 1 == 1:
                record[COUNT + kind] += 1
                record[FIRST + kind] = min(record[FIRST + kind], i)
            caused >>= 1
            kind += 1
