"""Pieces of the ordered accumulator in words of 32 or 64 bits: beats, writes, what did not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import Int, part
from npusim.kernels.ops import Words
from npusim.kernels.statistics import Tally

Narrow = npt.NDArray[Any]
"""int32 or int64: whichever holds all that is met on the way."""
Cube = npt.NDArray[Any]
"""The same, several rows."""

NO_REGISTER, SATURATE, WRAP = 0, 1, 2
"""What a register does with a value that does not fit."""

RULE, LOW, HIGH, MASK, SIGN = 0, 1, 2, 3, 4
"""A register as kernels read it."""


@part
def held_by(value: Int, register: Words) -> Any:
    """What a register makes of a value."""
    if register[RULE] == SATURATE:
        return min(max(value, register[LOW]), register[HIGH])
    return ((value & register[MASK]) ^ register[SIGN]) - register[SIGN]


@part
def first_miss(products: Words, start: int, beats: Words, registers: Words) -> int:
    """The first beat of an output with a write that does not fit; the number of beats if only the bias's."""
    value = np.int64(start)
    for b in range(beats.shape[0] - 1):
        beat = products[beats[b] : beats[b + 1]].sum()
        if registers[1, RULE] != NO_REGISTER:
            kept = held_by(beat, registers[1])
            if kept != beat:
                return b
        total = value + beat
        value = held_by(total, registers[0])
        if value != total:
            return b
    beats_of_all: int = beats.shape[0] - 1
    return beats_of_all


@part
def sum_beat(vector: Narrow, scalar: Narrow, s: int, first: int, last: int, begin: int, beat: Narrow) -> None:
    """The exact sums of one beat's products, four at a time."""
    end = begin + beat.shape[0]
    if last - first == 1:
        a, p = vector[first, begin:end], scalar[first, s]
        for i in range(beat.shape[0]):
            beat[i] = a[i] * p
        return
    beat[:] = 0
    k = first
    while k + 4 <= last:
        a, b, c, d = (
            vector[k, begin:end],
            vector[k + 1, begin:end],
            vector[k + 2, begin:end],
            vector[k + 3, begin:end],
        )
        p, q, r, t = scalar[k, s], scalar[k + 1, s], scalar[k + 2, s], scalar[k + 3, s]
        for i in range(beat.shape[0]):
            beat[i] += a[i] * p + b[i] * q + c[i] * r + d[i] * t
        k += 4
    while k < last:
        a, p = vector[k, begin:end], scalar[k, s]
        for i in range(beat.shape[0]):
            beat[i] += a[i] * p
        k += 1


@part
def sum_channels(
    patches: npt.NDArray[np.int16],
    zero: int,
    weights: Narrow,
    s: int,
    first: int,
    last: int,
    begin: int,
    beat: Narrow,
) -> None:
    """The same for depthwise columns, whose activations and weights both lie side by side.

    From row `s` on, whole rows one after the other; or, of one row, what there is from `begin` on.
    """
    word, channels = beat.dtype.type, weights.shape[1]
    offset, length = word(zero), min(channels - begin, beat.shape[0])
    for row in range(beat.shape[0] // length):
        patch, own = patches[s + row], beat[row * length : (row + 1) * length]
        for k in range(first, last):
            place = k * channels + begin
            codes, factors = patch[place : place + length], weights[k, begin : begin + length]
            if k == first:
                for i in range(length):
                    own[i] = word(word(codes[i]) - offset) * factors[i]
            else:
                for i in range(length):
                    own[i] += word(word(codes[i]) - offset) * factors[i]


@part
def through_tree(beat: Narrow, tree: Words, missed: Narrow) -> None:
    """Write each beat into the adder tree's register; `missed` where it does not fit."""
    word = beat.dtype.type
    low, high = word(tree[LOW]), word(tree[HIGH])
    mask, sign = word(tree[MASK]), word(tree[SIGN])
    if tree[RULE] == SATURATE:
        for i in range(beat.shape[0]):
            value = beat[i]
            kept = min(max(value, low), high)
            missed[i], beat[i] = word(kept != value), kept
    else:
        for i in range(beat.shape[0]):
            value = beat[i]
            kept = word(((value & mask) ^ sign) - sign)
            missed[i], beat[i] = word(kept != value), kept


@part
def write(
    value: Narrow,
    addends: Narrow,
    register: Words,
    missed: Narrow,
    misses: Narrow,
    least: Narrow,
    greatest: Narrow,
) -> None:
    """Add to every register, counting writes that do not fit."""
    word = value.dtype.type
    low, high = word(register[LOW]), word(register[HIGH])
    mask, sign = word(register[MASK]), word(register[SIGN])
    if register[RULE] == SATURATE:
        for i in range(value.shape[0]):
            total = word(value[i] + addends[i])
            kept = min(max(total, low), high)
            value[i] = kept
            misses[i] += word(kept != total) | missed[i]
            least[i], greatest[i] = min(least[i], kept), max(greatest[i], kept)
    else:
        for i in range(value.shape[0]):
            total = word(value[i] + addends[i])
            kept = word(((total & mask) ^ sign) - sign)
            value[i] = kept
            misses[i] += word(kept != total) | missed[i]
            least[i], greatest[i] = min(least[i], kept), max(greatest[i], kept)


@part
def write_four(
    value: Narrow,
    rows: Cube,
    first: int,
    begin: int,
    factors: Narrow,
    register: Words,
    missed: Cube,
    misses: Narrow,
    least: Narrow,
    greatest: Narrow,
) -> None:
    """Four writes one after the other, of rows times factors: registers pass through memory once."""
    word, n, end = value.dtype.type, value.shape[0], begin + value.shape[0]
    low, high = word(register[LOW]), word(register[HIGH])
    mask, sign = word(register[MASK]), word(register[SIGN])
    p, q = rows[first, begin:end], rows[first + 1, begin:end]
    r, t = rows[first + 2, begin:end], rows[first + 3, begin:end]
    w, x, y, z = factors[0], factors[1], factors[2], factors[3]
    e, f, g, h = missed[0, :n], missed[1, :n], missed[2, :n], missed[3, :n]
    if register[RULE] == SATURATE:
        for i in range(n):
            one = word(value[i] + p[i] * w)
            a = min(max(one, low), high)
            two = word(a + q[i] * x)
            b = min(max(two, low), high)
            three = word(b + r[i] * y)
            c = min(max(three, low), high)
            four = word(c + t[i] * z)
            d = min(max(four, low), high)
            value[i] = d
            misses[i] += (
                (word(a != one) | e[i])
                + (word(b != two) | f[i])
                + (word(c != three) | g[i])
                + (word(d != four) | h[i])
            )
            least[i] = min(least[i], a, b, c, d)
            greatest[i] = max(greatest[i], a, b, c, d)
    else:
        for i in range(n):
            one = word(value[i] + p[i] * w)
            a = word(((one & mask) ^ sign) - sign)
            two = word(a + q[i] * x)
            b = word(((two & mask) ^ sign) - sign)
            three = word(b + r[i] * y)
            c = word(((three & mask) ^ sign) - sign)
            four = word(c + t[i] * z)
            d = word(((four & mask) ^ sign) - sign)
            value[i] = d
            misses[i] += (
                (word(a != one) | e[i])
                + (word(b != two) | f[i])
                + (word(c != three) | g[i])
                + (word(d != four) | h[i])
            )
            least[i] = min(least[i], a, b, c, d)
            greatest[i] = max(greatest[i], a, b, c, d)


@part
def count_finals(
    exact: Narrow, loads: Narrow, register: Words, origin: int, distance: int, tally: Words
) -> None:
    """A4 `final`: exact sums that leave the register."""
    word = exact.dtype.type
    low, high = word(register[LOW]), word(register[HIGH])
    leaving = word(0)
    for i in range(exact.shape[0]):
        total = word(exact[i] + loads[i])
        leaving += word(total < low) | word(total > high)
    if leaving > 0:
        tally[Tally.FINAL] += leaving
        i = 0
        while low <= exact[i] + loads[i] <= high:
            i += 1
        tally[Tally.FIRST_FINAL] = min(tally[Tally.FIRST_FINAL], origin + i * distance)


@part
def count_misses(misses: Narrow, tally: Words) -> int:
    """Add the writes that did not fit; returns the first output with one, or -1."""
    total = np.int64(0)
    for i in range(misses.shape[0]):
        total += misses[i]
    if total == 0:
        return -1
    tally[Tally.PREFIX] += total
    i = 0
    while misses[i] == 0:
        i += 1
    return i
