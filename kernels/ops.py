"""The primitives of ARITHMETIC.md A as compiled operations on a row of int64 values.

A stage is lowered (plan.py) to one operation, plus one for an overflow rule of its register. An
operation is a row of int64: its code, its first operand column and four parameters. Rules of
rounding are data, not code: a 16-bit truth table of A1 taken from the spec (`increments`).
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt

from npusim.kernels.events import KINDS
from npusim.kernels.jit import Int, part
from npusim.spec.events import Event
from npusim.spec.rounding import Rounding, increment

Words = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.uint8]


class Op(IntEnum):
    """What an operation does; in brackets its operand columns, then its parameters."""

    ADD = 0
    """[addend]"""
    MULTIPLY = 1
    """[factor]"""
    SHIFT_RIGHT = 2
    """[shift, guard bit, sticky mask]; increments"""
    CLAMP = 3
    """[low, high, activation bounds]"""
    WRAP = 4
    """mask, sign bit"""
    SELECT_NEGATIVE = 5
    """[positive factor, negative factor]"""
    TABLE = 6
    """offset in the tables, lowest address, fraction bits, number of indices, increments or -1"""
    FLOAT32 = 7
    """[scale as float64 bits]; increments, low, high"""
    FLOAT64 = 8
    """as FLOAT32"""
    DIVIDE = 9
    """[divisor]; increments"""
    SIGNIFICANT = 10
    """[digits]; increments"""


CODE, COLUMN, FIRST_PARAMETER, PARAMETERS = 0, 1, 2, 5
"""The layout of an operation's row."""

NOTHING = np.uint8(0)
ROUNDED = np.uint8(1 << KINDS.index(Event.ROUNDED))
TIE = np.uint8(1 << KINDS.index(Event.TIE))
SATURATED_LOW = np.uint8(1 << KINDS.index(Event.SATURATED_LOW))
SATURATED_HIGH = np.uint8(1 << KINDS.index(Event.SATURATED_HIGH))
WRAPPED = np.uint8(1 << KINDS.index(Event.WRAPPED))
ACTIVATION = np.uint8(1 << KINDS.index(Event.ACTIVATION))

_LEAST_NORMAL = 2.0**-126
_WORD_LIMIT = 2.0**63


@cache
def increments(rule: Rounding) -> int:
    """A1 as data: bit ``8 * guard + 4 * sticky + 2 * sign + last`` is what `rule` adds to the floor."""
    table = 0
    for index in range(16):
        guard, sticky, sign, last = (index >> place & 1 for place in (3, 2, 1, 0))
        table |= increment(rule, guard=guard, sticky=sticky, sign=sign, last=last) << index
    return table


@part
def rounded_shift(value: int, shift: int, guard_bit: int, sticky_mask: int, rule: int) -> int:
    """A1 for any int64 and any shift: its three columns are made by `plan.shift_columns`."""
    quotient = value >> shift
    index = quotient & 1
    if value < 0:
        index |= 2
    if (value & sticky_mask) != 0:
        index |= 4
    if (value & guard_bit) != 0:
        index |= 8
    return quotient + ((rule >> index) & 1)


@part
def shift_flags(value: int, guard_bit: int, sticky_mask: int) -> np.uint8:
    """The events of a rounding shift."""
    guard, sticky = (value & guard_bit) != 0, (value & sticky_mask) != 0
    rounded = ROUNDED if guard or sticky else NOTHING
    return rounded | (TIE if guard and not sticky else NOTHING)


@part
def clamped(value: Int, low: Int, high: Int) -> Int:
    """A.clamp; the low bound is asked first, should they cross."""
    return low if value < low else min(value, high)


@part
def clamp_flags(value: Int, low: Int, high: Int, bounds: Int) -> np.uint8:
    """The event of a clamp; `bounds` are the activation's: 1 low, 2 high."""
    at_low = ACTIVATION if bounds & 1 else SATURATED_LOW
    at_high = ACTIVATION if bounds & 2 else SATURATED_HIGH
    return at_low if value < low else (at_high if value > high else NOTHING)


@part
def wrapped(value: int, mask: int, sign: int) -> int:
    """A.wrap: keep the masked bits, read with that sign bit."""
    return ((value & mask) ^ sign) - sign


@part
def float32_product(value: int, scale: float) -> float:
    """The binary32 product of an integer and a binary32 scale, as a float64.

    The product of two 24-bit significands is exact in float64; it is rounded once, to 24 bits. Below
    the normal range it is left as it is: it is no integer and not zero either way, which is all that
    is asked of it, and no flush-to-zero mode of the processor can touch it.
    """
    product = np.float64(np.float32(value)) * scale
    if abs(product) >= _LEAST_NORMAL:
        product = np.float64(np.float32(product))
    return product


@part
def float64_product(value: int, scale: float) -> float:
    """The binary64 product of an integer, converted first, and a binary64 scale."""
    return np.float64(value) * scale


@part
def rounded_real(product: float, rule: int, low: int, high: int) -> tuple[Int, np.uint8]:
    """The last step of A.float32 and A.float64: the result and its events."""
    if product >= _WORD_LIMIT:
        return high, SATURATED_HIGH
    if product < -_WORD_LIMIT:
        return low, SATURATED_LOW
    whole = np.int64(product)
    rest = product - np.float64(whole)
    floor = whole - (rest < 0.0)
    guard, tie = rest >= 0.5 or -0.5 <= rest < 0.0, abs(rest) == 0.5
    index = 8 * guard + 4 * (rest != 0.0 and not tie) + 2 * (product < 0.0) + (floor & 1)
    result = floor + ((rule >> index) & 1)
    flags = (ROUNDED if rest != 0.0 else NOTHING) | (TIE if tie else NOTHING)
    return clamped(result, low, high), flags | clamp_flags(result, low, high, 0)


@part
def divided(value: int, by: int, rule: int) -> tuple[int, np.uint8]:
    """A.divide by one or more: the result and its events."""
    quotient = value // by
    rest = value - quotient * by
    tie = rest == by - rest
    index = 8 * (rest >= by - rest) + 4 * (rest != 0 and not tie) + 2 * (value < 0) + (quotient & 1)
    flags = (ROUNDED if rest != 0 else NOTHING) | (TIE if tie else NOTHING)
    return quotient + ((rule >> index) & 1), flags


@part
def excess_bits(value: int, digits: int) -> int:
    """How many bits a value has more than `digits`; a negative power of two, which has one bit, one less."""
    rest = value if value >= 0 else ~value
    length = 0
    for step in (32, 16, 8, 4, 2, 1):
        if rest >> step:
            rest >>= step
            length += step
    return max(length + (rest != 0) - digits, 0)


@part
def significant(value: int, excess: int, rule: int) -> int:
    """A.significant: the value with its lowest bits rounded away."""
    half = (1 << excess) >> 1
    return rounded_shift(value, excess, half, max(half - 1, 0), rule) << excess


@part
def look_up(
    value: int, tables: Words, offset: int, lowest: int, fraction_bits: int, indices: int
) -> tuple[int, int]:
    """A8: the table's value with its fraction bits, and 1 if there is no such address."""
    address = value - lowest
    index = address >> fraction_bits
    if index < 0 or index >= indices:
        return 0, 1
    entry = tables[offset + index]
    if fraction_bits == 0:
        return entry, 0
    step = tables[offset + index + 1] - entry
    return (entry << fraction_bits) + step * (address & ((1 << fraction_bits) - 1)), 0
