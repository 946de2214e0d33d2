"""Events of elementwise steps on pairs of 8-bit codes, by table: the same codes always cause the same.

Every pair of codes is sent through the step's pipelines once, by the interpreter that counts everywhere
else. Pairs that cause the same are one class; a run counts classes. It is for steps whose result's events
are not told from what the operands combine to (`tiled.combine_events`), which is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Elementwise
from npusim.kernels.events import KINDS
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.members import CODES, Flags, by_byte, flagged
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.records import COUNT, FIRST, KINDS_KEPT
from npusim.spec.events import Event

_CLASSES = 256
_CHUNK = 1 << 12
"""Codes whose classes are counted together; an event's first place is searched in one chunk at most."""

_LANES = 4
"""Counters of one class: neighbours are mostly of one class, and need not wait for each other."""

Kind = tuple[int, int, Event]
"""An event of one stage of one pipeline."""


@dataclass(frozen=True, eq=False)
class Classes:
    """What pairs of codes cause.

    Attributes
    ----------
    of : uint8[65536]
        The class of a pair: the second one's bytes lie 256 apart.
    causes : int64[classes]
        A bit for each of `kinds` that the class causes.
    kinds
        All that any pair can cause, by pipeline, stage and event.
    """

    of: Bytes
    causes: Words
    kinds: tuple[Kind, ...]


def classes_of_pairs(
    combine: Callable[[Words, Words], Words],
    operands: tuple[Plan, Plan],
    result: Plan,
    inputs: Sequence[np.dtype[np.generic]],
) -> Classes | None:
    """What each pair of codes causes in the operands' pipelines and the result's.

    None if channels differ, a value has no place in a table, or there is no room for all kinds.

    Parameters
    ----------
    combine
        Exactly, on int64.
    inputs
        The types of both inputs' codes: 8 bits.
    """
    made = [flagged(plan, by_byte(codes)) for plan, codes in zip(operands, inputs, strict=True)]
    if made[0] is None or made[1] is None:
        return None
    (first, first_flags), (second, second_flags) = made[0], made[1]
    combined = flagged(result, combine(first[np.newaxis], second[:, np.newaxis]).reshape(-1))
    if combined is None:
        return None
    return _classes([np.tile(first_flags, CODES), second_flags.repeat(CODES, axis=1), combined[1]])


def _classes(flags: Sequence[Flags]) -> Classes | None:
    """Pairs by what they cause; None if that is more than a record or a byte holds."""
    kinds: list[Kind] = []
    causes = np.zeros(flags[0].shape[1], np.int64)
    for pipeline, stages in enumerate(flags):
        for stage, caused in enumerate(stages):
            ever = int(np.bitwise_or.reduce(caused))
            for number, event in enumerate(KINDS):
                if (ever >> number) & 1:
                    causes |= ((caused >> number) & 1).astype(np.int64) << len(kinds)
                    kinds.append((pipeline, stage, event))
    different, of = np.unique(causes, return_inverse=True)
    if len(kinds) > KINDS_KEPT or different.size > _CLASSES:
        return None
    return Classes(readonly(of, np.uint8), readonly(different, np.int64), tuple(kinds))


class CountingPairs:
    """An elementwise step on two tensors with the events of its codes counted; see `Counting`."""

    def __init__(self, direct: Elementwise, classes: Classes, size: int) -> None:
        self._direct, self._classes, self._size = direct, classes, size
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        self._direct.run(inputs, out, scratch, first, last)
        begin, end = first * self._direct.unit, min(last * self._direct.unit, self._size)
        a, b = inputs
        count_pairs(a, b, self._classes.of, self._classes.causes, begin, end, record)


@kernel(signatures=1)
def count_pairs(a: Bytes, b: Bytes, of: Bytes, causes: Words, begin: int, end: int, record: Words) -> None:
    """Add what the pairs of codes `begin` .. `end` - 1 cause to a record.

    Parameters
    ----------
    a, b
        Bytes.
    of, causes
        Of `Classes`.
    """
    counts = np.zeros((_LANES, _CLASSES), np.int64)
    total = np.zeros(causes.shape[0], np.int64)
    classes = np.empty(_CHUNK, np.uint8)
    known = 0
    for start in range(begin, end, _CHUNK):
        length = min(_CHUNK, end - start)
        for i in range(length):
            classes[i] = of[np.intp(a[start + i]) | np.intp(b[start + i]) << 8]
        whole = length - length % _LANES
        for i in range(0, whole, _LANES):
            for lane in range(_LANES):
                counts[lane, classes[i + lane]] += 1
        for i in range(whole, length):
            counts[0, classes[i]] += 1
        caused = 0
        for each in range(causes.shape[0]):
            now = counts[0, each] + counts[1, each] + counts[2, each] + counts[3, each]
            caused |= causes[each] if now > total[each] else 0
            total[each] = now
        caused &= ~known
        for kind in range(KINDS_KEPT):
            if (caused >> kind) & 1:
                i = 0
                while (causes[classes[i]] >> kind) & 1 == 0:
                    i += 1
                record[FIRST + kind] = min(record[FIRST + kind], start + i)
        known |= caused
    for each in range(causes.shape[0]):
        for kind in range(KINDS_KEPT):
            record[COUNT + kind] += total[each] if (causes[each] >> kind) & 1 else 0
