"""Events of elementwise steps on 8-bit codes, by table: the same codes always cause the same.

Every code, or pair of codes, is sent through the step's pipelines once, by the interpreter that counts
everywhere else. Codes that cause the same are one class; a run counts classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes, Call, ChainedElementwise, Elementwise
from npusim.kernels.events import KINDS
from npusim.kernels.interpreter import flag_values
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.records import COUNT, FIRST, KINDS_KEPT
from npusim.spec.events import Event

CODES = 256
_CLASSES = 256
_CHUNK = 1 << 12
"""Codes whose classes are counted together; an event's first place is searched in one chunk at most."""

_LANES = 4
"""Counters of one class: neighbours are mostly of one class, and need not wait for each other."""

Kind = tuple[int, int, Event]
"""An event of one stage of one pipeline."""

Flags = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Classes:
    """What codes cause.

    Attributes
    ----------
    of : uint8[256] or uint8[65536]
        The class of a byte, or of a pair: the second one's bytes lie 256 apart.
    causes : int64[classes]
        A bit for each of `kinds` that the class causes.
    kinds
        All that any code can cause, by pipeline, stage and event.
    """

    of: Bytes
    causes: Words
    kinds: tuple[Kind, ...]


def by_byte(codes: np.dtype[np.generic]) -> Words:
    """int64[256]: the code that each byte is."""
    values: Words = np.arange(CODES, dtype=np.uint8).view(codes).astype(np.int64)
    return values


def classes_of_codes(plan: Plan, codes: np.dtype[np.generic]) -> Classes | None:
    """What each code causes in one pipeline; None if channels differ or a code has no place in a table."""
    made = _flagged(plan, by_byte(codes))
    return None if made is None else _classes([made[1]])


def classes_of_pairs(
    combine: Callable[[Words, Words], Words],
    operands: tuple[Plan, Plan],
    result: Plan,
    inputs: Sequence[np.dtype[np.generic]],
) -> Classes | None:
    """What each pair of codes causes in the operands' pipelines and the result's; None as above.

    Parameters
    ----------
    combine
        Exactly, on int64.
    inputs
        The types of both inputs' codes: 8 bits.
    """
    made = [_flagged(plan, by_byte(codes)) for plan, codes in zip(operands, inputs, strict=True)]
    if made[0] is None or made[1] is None:
        return None
    (first, first_flags), (second, second_flags) = made[0], made[1]
    combined = _flagged(result, combine(first[np.newaxis], second[:, np.newaxis]).reshape(-1))
    if combined is None:
        return None
    return _classes([np.tile(first_flags, CODES), second_flags.repeat(CODES, axis=1), combined[1]])


def _flagged(plan: Plan, values: Words) -> tuple[Words, Flags] | None:
    """What a pipeline makes of values, and what each causes : uint8[stages, n]."""
    if np.any(np.ptp(plan.columns, axis=1)):
        return None
    made, flags = values.copy(), np.zeros((len(plan.stages), values.size), np.uint8)
    missed = flag_values(made, plan.ops, plan.stage_ops, plan.wide, plan.reals, plan.tables, flags)
    return None if missed else (made, flags)


def _classes(flags: Sequence[Flags]) -> Classes | None:
    """Codes by what they cause; None if that is more than a record or a byte holds."""
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


class CountingCodes:
    """An elementwise step with the events of its codes counted; see `Counting`."""

    def __init__(self, direct: Elementwise, classes: Classes, size: int) -> None:
        self._direct, self._classes, self._size = direct, classes, size
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        self._direct.run(inputs, out, scratch, first, last)
        begin, end = first * self._direct.unit, min(last * self._direct.unit, self._size)
        own = self._classes
        if own.kinds:
            count_codes(inputs[0], inputs[-1], own.of, own.causes, begin, end, record)


class ChainedCountingCodes(CountingCodes):
    """The same of a few kernels' calls; see `ChainedCounting`."""

    def __init__(self, direct: ChainedElementwise, classes: Classes, size: int) -> None:
        super().__init__(direct, classes, size)
        self._chained = direct

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        calls, own = self._chained.calls(inputs, out, scratch), self._classes
        arguments = inputs[0], inputs[-1], own.of, own.causes, 0, self._size, record
        return [*calls, Call(count_codes, arguments)] if own.kinds else calls


def counting_codes(direct: Elementwise, classes: Classes, size: int) -> CountingCodes:
    """A step's counting form, of so many codes."""
    if isinstance(direct, ChainedElementwise):
        return ChainedCountingCodes(direct, classes, size)
    return CountingCodes(direct, classes, size)


@kernel(signatures=1)
def count_codes(a: Bytes, b: Bytes, of: Bytes, causes: Words, begin: int, end: int, record: Words) -> None:
    """Add what the codes `begin` .. `end` - 1 cause to a record.

    Parameters
    ----------
    a, b
        Bytes; b is not read if `of` has an entry for each byte, not for each pair.
    of, causes
        Of `Classes`.
    """
    pairs = of.shape[0] > CODES
    counts = np.zeros((_LANES, _CLASSES), np.int64)
    total = np.zeros(causes.shape[0], np.int64)
    classes = np.empty(_CHUNK, np.uint8)
    known = 0
    for start in range(begin, end, _CHUNK):
        length = min(_CHUNK, end - start)
        for i in range(length):
            if pairs:
                classes[i] = of[np.intp(a[start + i]) | np.intp(b[start + i]) << 8]
            else:
                classes[i] = of[a[start + i]]
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
