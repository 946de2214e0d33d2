"""Events of 8-bit codes by sets of them: the same codes always cause the same.

Every code goes through a pipeline once, by the interpreter that counts everywhere else; the codes that cause
an event are a set, and a run counts its members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.members import (
    CODE,
    HAS_SHUFFLES,
    SET_BYTES,
    WAY,
    Way,
    count_members,
    count_others,
)
from npusim.kernels.emit.registers import VECTOR
from npusim.kernels.events import KINDS
from npusim.kernels.interpreter import flag_values
from npusim.kernels.jit import kernel, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.records import COUNT, FIRST
from npusim.spec.events import Event

CODES = 256

_LOOKED_UP, _ONE, _AS_BEFORE = (int(way) for way in (Way.LOOKED_UP, Way.ONE, Way.AS_BEFORE))

Kind = tuple[int, Event]
"""An event of one stage."""

Flags = npt.NDArray[np.uint8]


class Rows(NamedTuple):
    """Where codes lie in a step's output: `length` in a row, `offset` codes into each `total`."""

    length: int
    offset: int
    total: int


ONE_ROW = Rows(1 << 62, 0, 0)
"""Codes at their own places."""


@dataclass(frozen=True, eq=False)
class Members:
    """The codes that cause each event of a pipeline.

    Attributes
    ----------
    sets : uint8[kinds * SET_BYTES]
        As `emit.members` reads them.
    kinds
        All that any code can cause.
    """

    sets: Bytes
    kinds: tuple[Kind, ...]

    def calls(
        self, x: Bytes, begin: int, end: int, record: Words, first_kind: int = 0, rows: Rows = ONE_ROW
    ) -> list[Call]:
        """Add what codes `begin` .. `end` - 1 of x cause to a record, from a kind on."""
        if not self.kinds:
            return []
        return [Call(count_sets, (x, self.sets, begin, end, first_kind, *rows, record))]


def by_byte(codes: np.dtype[np.generic]) -> Words:
    """int64[256]: the code that each byte is."""
    values: Words = np.arange(CODES, dtype=np.uint8).view(codes).astype(np.int64)
    return values


def flagged(plan: Plan, values: Words) -> tuple[Words, Flags] | None:
    """What a pipeline makes of values, and what each causes : uint8[stages, n].

    None if channels differ or a value has no place in a table.
    """
    if np.any(np.ptp(plan.columns, axis=1)):
        return None
    made, flags = values.copy(), np.zeros((len(plan.stages), values.size), np.uint8)
    missed = flag_values(made, plan.ops, plan.stage_ops, plan.wide, plan.reals, plan.tables, flags)
    return None if missed else (made, flags)


def members_of(plan: Plan, codes: np.dtype[np.generic]) -> Members | None:
    """The sets of a pipeline from 8-bit codes; None if `flagged` is."""
    found = flagged(plan, by_byte(codes))
    if found is None:
        return None
    sets: list[Flags] = []
    kinds: list[Kind] = []
    for stage, caused in enumerate(found[1]):
        for number, event in enumerate(KINDS):
            causing = (caused >> number) & 1
            if causing.any():
                sets.append(causing)
                kinds.append((stage, event))
    return Members(laid_out(np.array(sets, np.uint8).reshape(-1, CODES)), tuple(kinds))


def laid_out(sets: Flags) -> Bytes:
    """Sets of codes, each as a byte for every code : uint8[kinds, 256], as `Members` has them."""
    rows = np.zeros((len(sets), SET_BYTES), np.uint8)
    bits = np.packbits(sets.reshape(-1, 2, 8, 16), axis=2, bitorder="little")
    rows[:, :WAY] = bits.reshape(len(sets), WAY)
    for kind, own in enumerate(sets):
        way, code = Way.LOOKED_UP, 0
        if kind > 0 and np.array_equal(own, sets[kind - 1]):
            way = Way.AS_BEFORE
        elif own.sum() == 1:
            way, code = Way.ONE, own.argmax()
        elif own.sum() == CODES - 1:
            way, code = Way.ALL_BUT_ONE, own.argmin()
        rows[kind, WAY], rows[kind, CODE] = way, code
    return readonly(rows.reshape(-1), np.uint8)


@part
def _holds(own: Bytes, code: int) -> int:
    return (int(own[code >> 7 << 4 | code & 15]) >> ((code >> 4) & 7)) & 1


@part
def _number_of(own: Bytes, x: Bytes, begin: int, end: int) -> int:
    """How many of the codes `begin` .. `end` - 1 lie in a set."""
    vectors, number = (end - begin) // VECTOR if HAS_SHUFFLES == 1 else 0, 0
    if vectors > 0 and own[WAY] == _LOOKED_UP:
        number = count_members(x.ctypes.data + begin, vectors, own.ctypes.data)
    elif vectors > 0:
        number = count_others(x.ctypes.data + begin, vectors, own[CODE])
        number = vectors * VECTOR - number if own[WAY] == _ONE else number
    for i in range(begin + vectors * VECTOR, end):
        number += _holds(own, x[i])
    return number


@part
def add_members(
    x: Bytes,
    sets: Bytes,
    begin: int,
    end: int,
    first_kind: int,
    length: int,
    offset: int,
    total: int,
    record: Words,
) -> None:
    """Add how many of the codes `begin` .. `end` - 1 lie in each set to a record, and where the first does.

    Parameters
    ----------
    length, offset, total
        Of `Rows`.
    """
    number = 0
    for index in range(sets.shape[0] // SET_BYTES):
        own, kind = sets[index * SET_BYTES : (index + 1) * SET_BYTES], first_kind + index
        if own[WAY] == _AS_BEFORE:
            record[COUNT + kind] += number
            record[FIRST + kind] = min(record[FIRST + kind], record[FIRST + kind - 1])
            continue
        number = _number_of(own, x, begin, end)
        if number > 0:
            record[COUNT + kind] += number
            i = begin
            if begin // length * total + offset + begin % length < record[FIRST + kind]:
                while _holds(own, x[i]) == 0:
                    i += 1
                place = i // length * total + offset + i % length
                record[FIRST + kind] = min(record[FIRST + kind], place)


@kernel(signatures=1)
def count_sets(
    x: Bytes,
    sets: Bytes,
    begin: int,
    end: int,
    first_kind: int,
    length: int,
    offset: int,
    total: int,
    record: Words,
) -> None:
    """As `add_members`, on its own."""
    add_members(x, sets, begin, end, first_kind, length, offset, total, record)
