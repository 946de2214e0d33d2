"""Pieces of the ordered accumulator in 32-bit words: beats, writes, what did not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import Int, part
from npusim.kernels.ops import Words
from npusim.kernels.statistics import Tally

Narrow = npt.NDArray[np.int32]

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
    patch: npt.NDArray[np.int16], zero: int, weights: Narrow, first: int, last: int, begin: int, beat: Narrow
) -> None:
    """The same for depthwise columns, whose activations and weights both lie side by side."""
    channels, offset = weights.shape[1], np.int32(zero)
    end = begin + beat.shape[0]
    beat[:] = 0
    for k in range(first, last):
        codes, row = patch[k * channels + begin : k * channels + end], weights[k, begin:end]
        for i in range(beat.shape[0]):
            beat[i] += np.int32(np.int32(codes[i]) - offset) * row[i]


@part
def through_tree(beat: Narrow, tree: Words, missed: Narrow) -> None:
    """Write each beat into the adder tree's register; `missed` where it does not fit."""
    low, high = np.int32(tree[LOW]), np.int32(tree[HIGH])
    mask, sign = np.int32(tree[MASK]), np.int32(tree[SIGN])
    if tree[RULE] == SATURATE:
        for i in range(beat.shape[0]):
            value = beat[i]
            kept = min(max(value, low), high)
            missed[i], beat[i] = np.int32(kept != value), kept
    else:
        for i in range(beat.shape[0]):
            value = beat[i]
            kept = np.int32(np.int32(np.int32(value & mask) ^ sign) - sign)
            missed[i], beat[i] = np.int32(kept != value), kept


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
    low, high = np.int32(register[LOW]), np.int32(register[HIGH])
    mask, sign = np.int32(register[MASK]), np.int32(register[SIGN])
    if register[RULE] == SATURATE:
        for i in range(value.shape[0]):
            total = np.int32(value[i] + addends[i])
            kept = min(max(total, low), high)
            value[i] = kept
            misses[i] += np.int32(kept != total) | missed[i]
            least[i], greatest[i] = min(least[i], kept), max(greatest[i], kept)
    else:
        for i in range(value.shape[0]):
            total = np.int32(value[i] + addends[i])
            kept = np.int32(np.int32(np.int32(total & mask) ^ sign) - sign)
            value[i] = kept
            misses[i] += np.int32(kept != total) | missed[i]
            least[i], greatest[i] = min(least[i], kept), max(greatest[i], kept)


@part
def count_finals(
    exact: Narrow, loads: Narrow, register: Words, origin: int, distance: int, tally: Words
) -> None:
    """A4 `final`: exact sums that leave the register."""
    low, high = np.int32(register[LOW]), np.int32(register[HIGH])
    leaving = np.int32(0)
    for i in range(exact.shape[0]):
        total = np.int32(exact[i] + loads[i])
        leaving += np.int32(total < low) | np.int32(total > high)
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
