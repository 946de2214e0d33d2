"""Events told from sums (`event_plan`) where all channels are alike: any operation, any instruction set."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.count_alike import (
    ADDED,
    FACTOR,
    HALF,
    HALF_AGAIN,
    HIGH,
    LOST,
    LOST_AGAIN,
    LOW,
    SHIFT,
    STRETCH,
    count_alike_once,
    count_alike_twice,
)
from npusim.kernels.event_plan import EventPlan, masks
from npusim.kernels.jit import Int, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.records import COUNT, FIRST, KINDS_TOLD

Sums = npt.NDArray[np.int32]


def marks_of(plan: EventPlan) -> Words | None:
    """int64[9]: as `emit.count_alike` has them; None if channels differ."""
    second, nothing = plan.second, np.zeros_like(plan.lost)
    rows = {LOW: plan.low, HIGH: plan.high}
    rows[LOST], rows[HALF] = masks(plan.lost)
    rows[LOST_AGAIN], rows[HALF_AGAIN] = masks(nothing if second is None else second.lost)
    rows = {row: values.astype(np.uint64).astype(np.uint32).view(np.int32) for row, values in rows.items()}
    if second is not None:
        rows |= {FACTOR: second.factor, ADDED: second.constant, SHIFT: second.first}
    if any(np.ptp(values) for values in rows.values()):
        return None
    return readonly([int(rows[row][0]) if row in rows else 0 for row in range(SHIFT + 1)], np.int64)


@part
def _caused(kind: int, value: Int, marks: Words) -> Any:
    """Whether a sum causes an event, by the numbers of `records`' kinds."""
    if kind == 0:
        return value < marks[LOW]
    if kind == 1:
        return value > marks[HIGH]
    if kind > 3:
        value = (value * marks[FACTOR] + marks[ADDED]) >> marks[SHIFT]
    bits = np.int32(value) & np.int32(marks[LOST if kind <= 3 else LOST_AGAIN])
    return bits == np.int32(marks[HALF if kind == 3 else HALF_AGAIN]) if kind % 2 == 1 else bits != 0


@part
def count_sums(sums: Sums, marks: Words, kinds: int, begin: int, end: int, record: Words) -> None:
    """Add what the sums at positions `begin` .. `end` - 1, the first ones of `sums`, cause to a record."""
    counts, whole = np.zeros(KINDS_TOLD, np.int64), (end - begin) // STRETCH
    if kinds == KINDS_TOLD:
        count_alike_twice(sums.ctypes.data, whole, marks.ctypes.data, counts.ctypes.data)
    else:
        count_alike_once(sums.ctypes.data, whole, marks.ctypes.data, counts.ctypes.data)
    for kind in range(kinds):
        for i in range(whole * STRETCH, end - begin):
            counts[kind] += int(_caused(kind, np.int64(sums[i]), marks))
        if counts[kind] > 0:
            record[COUNT + kind] += counts[kind]
            i = 0
            while begin + i < record[FIRST + kind] and not _caused(kind, np.int64(sums[i]), marks):
                i += 1
            record[FIRST + kind] = min(record[FIRST + kind], begin + i)
