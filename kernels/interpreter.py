"""The compiled interpreter of an operation table: values stage by stage, a cache-sized chunk at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.events import KINDS
from npusim.kernels.jit import kernel, part
from npusim.kernels.ops import (
    CODE,
    COLUMN,
    FIRST_PARAMETER,
    NOTHING,
    WRAPPED,
    Flags,
    Op,
    Reals,
    Words,
    clamp_flags,
    clamped,
    divided,
    excess_bits,
    float32_product,
    float64_product,
    look_up,
    rounded_real,
    rounded_shift,
    shift_flags,
    significant,
    wrapped,
)

_KINDS = len(KINDS)


# Loops index slices by their own counter: numba's wrap-around of a possibly negative index would keep
# LLVM from vectorising them.


@part
def _apply(values: Words, op: Words, columns: Words, reals: Reals, tables: Words) -> int:
    """One operation on a chunk of values; returns how many table addresses do not exist."""
    _scale(values, op, columns)
    _fit(values, op, columns)
    return _convert(values, op, columns, reals, tables)


@part
def _scale(values: Words, op: Words, columns: Words) -> None:
    """Add, multiply, select_negative; nothing for any other operation."""
    code, first = op[CODE], columns[op[COLUMN]]
    if code == Op.ADD:
        for i in range(values.shape[0]):
            values[i] += first[i]
    elif code == Op.MULTIPLY:
        for i in range(values.shape[0]):
            values[i] *= first[i]
    elif code == Op.SELECT_NEGATIVE:
        negative = columns[op[COLUMN] + 1]
        for i in range(values.shape[0]):
            values[i] *= first[i] if values[i] >= 0 else negative[i]


@part
def _fit(values: Words, op: Words, columns: Words) -> None:
    """Shift right, clamp, wrap; nothing for any other operation."""
    code, column, p = op[CODE], op[COLUMN], FIRST_PARAMETER
    if code == Op.SHIFT_RIGHT:
        rule, shift, guard, mask = op[p], columns[column], columns[column + 1], columns[column + 2]
        for i in range(values.shape[0]):
            values[i] = rounded_shift(values[i], shift[i], guard[i], mask[i], rule)
    elif code == Op.CLAMP:
        low, high = columns[column], columns[column + 1]
        for i in range(values.shape[0]):
            values[i] = clamped(values[i], low[i], high[i])
    elif code == Op.WRAP:
        kept, sign = op[p], op[p + 1]
        for i in range(values.shape[0]):
            values[i] = wrapped(values[i], kept, sign)


@part
def _convert(values: Words, op: Words, columns: Words, reals: Reals, tables: Words) -> int:
    """Table, float stages, divide, significant; others nothing. Returns how many addresses do not exist."""
    code, p, bad = op[CODE], FIRST_PARAMETER, 0
    if code == Op.TABLE:
        half = (1 << op[p + 2]) >> 1
        for i in range(values.shape[0]):
            value, miss = look_up(values[i], tables, op[p], op[p + 1], op[p + 2], op[p + 3])
            rounds = op[p + 4] >= 0
            values[i] = rounded_shift(value, op[p + 2], half, half - 1, op[p + 4]) if rounds else value
            bad += miss
    elif code == Op.FLOAT32:
        scale = reals[op[COLUMN]]
        for i in range(values.shape[0]):
            product = float32_product(values[i], scale[i])
            values[i] = rounded_real(product, op[p], op[p + 1], op[p + 2])[0]
    elif code == Op.FLOAT64:
        scale = reals[op[COLUMN]]
        for i in range(values.shape[0]):
            product = float64_product(values[i], scale[i])
            values[i] = rounded_real(product, op[p], op[p + 1], op[p + 2])[0]
    elif code == Op.DIVIDE:
        by = columns[op[COLUMN]]
        for i in range(values.shape[0]):
            values[i] = divided(values[i], by[i], op[p])[0]
    elif code == Op.SIGNIFICANT:
        digits = columns[op[COLUMN]]
        for i in range(values.shape[0]):
            values[i] = significant(values[i], excess_bits(values[i], digits[i]), op[p])
    return bad


@part
def _flag(values: Words, op: Words, columns: Words, reals: Reals, tables: Words, flags: Flags) -> None:
    """The events one operation is about to cause, added to each value's flags."""
    code, column, p = op[CODE], op[COLUMN], FIRST_PARAMETER
    if code == Op.SHIFT_RIGHT:
        guard, mask = columns[column + 1], columns[column + 2]
        for i in range(values.shape[0]):
            flags[i] |= shift_flags(values[i], guard[i], mask[i])
    elif code == Op.CLAMP:
        low, high, bounds = columns[column], columns[column + 1], columns[column + 2]
        for i in range(values.shape[0]):
            flags[i] |= clamp_flags(values[i], low[i], high[i], bounds[i])
    elif code == Op.WRAP:
        kept, sign = op[p], op[p + 1]
        for i in range(values.shape[0]):
            flags[i] |= WRAPPED if wrapped(values[i], kept, sign) != values[i] else NOTHING
    elif code == Op.TABLE and op[p + 4] >= 0:
        half = (1 << op[p + 2]) >> 1
        for i in range(values.shape[0]):
            value, _ = look_up(values[i], tables, op[p], op[p + 1], op[p + 2], op[p + 3])
            flags[i] |= shift_flags(value, half, half - 1)
    elif code in (Op.FLOAT32, Op.FLOAT64):
        scale, single = reals[column], code == Op.FLOAT32
        for i in range(values.shape[0]):
            value = values[i]
            product = float32_product(value, scale[i]) if single else float64_product(value, scale[i])
            flags[i] |= rounded_real(product, op[p], op[p + 1], op[p + 2])[1]
    elif code == Op.DIVIDE:
        by = columns[column]
        for i in range(values.shape[0]):
            flags[i] |= divided(values[i], by[i], op[p])[1]
    elif code == Op.SIGNIFICANT:
        digits = columns[column]
        for i in range(values.shape[0]):
            half = (1 << excess_bits(values[i], digits[i])) >> 1
            flags[i] |= shift_flags(values[i], half, max(half - 1, 0))


@part
def _count(flags: Flags, base: int, counts: Words, first: Words) -> None:
    """Add one stage's flags to its row of counts and firsts, and clear them."""
    for kind in range(_KINDS):
        happened = 0
        for i in range(flags.shape[0]):
            happened += (flags[i] >> kind) & 1
        counts[kind] += happened
        if happened > 0 and base < first[kind]:
            i = 0
            while ((flags[i] >> kind) & 1) == 0:
                i += 1
            first[kind] = min(first[kind], base + i)
    for i in range(flags.shape[0]):
        flags[i] = 0


@kernel(signatures=1)
def flag_values(
    values: Words,
    ops: Words,
    stage_ops: Words,
    columns: Words,
    reals: Reals,
    tables: Words,
    flags: npt.NDArray[np.uint8],
) -> int:
    """Send flat values through all stages, in place; what each value causes at each stage is kept.

    Parameters
    ----------
    flags : uint8[stages, n]
        Zeros; a bit by number of each event's kind is added.

    Returns
    -------
    int
        As of `interpret`.
    """
    width, bad = columns.shape[1], 0
    for start in range(0, values.shape[0], width):
        stop = min(start + width, values.shape[0])
        chunk = values[start:stop]
        for stage in range(flags.shape[0]):
            for op in range(stage_ops[stage], stage_ops[stage + 1]):
                _flag(chunk, ops[op], columns, reals, tables, flags[stage, start:stop])
                bad += _apply(chunk, ops[op], columns, reals, tables)
    return bad


@kernel(signatures=1)
def interpret(
    values: Words,
    ops: Words,
    stage_ops: Words,
    first_stage: int,
    last_stage: int,
    columns: Words,
    reals: Reals,
    tables: Words,
    counting: int,
    counts: Words,
    first: Words,
    base_index: int,
) -> int:
    """Send flat values through stages `first_stage` .. `last_stage` - 1, in place.

    Parameters
    ----------
    values : int64[n]
        Rows of channels, flat; the row length divides the columns' length.
    ops : int64[operations, FIRST_PARAMETER + PARAMETERS]
    stage_ops : int64[stages + 1]
        Stage s owns the operations ``stage_ops[s]`` .. ``stage_ops[s + 1] - 1``.
    columns : int64[m, width]
        Operands, repeated until they fill a chunk.
    reals : float64[m, width]
        The same bits as float64.
    tables : int64[t]
    counting
        1: count events into `counts`, `first` : int64[stages, kinds].

    Returns
    -------
    int
        How many values addressed a table where it has no entry.
    """
    width = columns.shape[1]
    all_flags = np.zeros(width, np.uint8)
    bad = 0
    for start in range(0, values.shape[0], width):
        chunk = values[start : min(start + width, values.shape[0])]
        flags = all_flags[: chunk.shape[0]]
        for stage in range(first_stage, last_stage):
            for op in range(stage_ops[stage], stage_ops[stage + 1]):
                if counting == 1:
                    _flag(chunk, ops[op], columns, reals, tables, flags)
                bad += _apply(chunk, ops[op], columns, reals, tables)
            if counting == 1:
                _count(flags, base_index + start, counts[stage], first[stage])
    return bad
