"""Pattern tables and weighted random integers: TestFloat's habits, for integers of any range."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import prod
from typing import TypeVar

from npusim.spec.floats import FloatFormat
from npusim.spec.interval import Interval
from npusim.vectors.units.unit import Level

Item = TypeVar("Item")

_FEW = 16
_SMALL_BITS = 4


def patterns(values: Interval, level: Level) -> list[int]:
    """Both ends, small numbers, powers of two and their neighbours; of few values all.

    Examples
    --------
    >>> patterns(Interval(-128, 127), Level.QUICK)
    [-128, -127, -2, -1, 0, 1, 2, 126, 127, 63, 64, -64, -65, 42, -43]
    """
    count = values.high - values.low + 1
    if count <= (_FEW if level is Level.QUICK else 4 * _FEW):
        return list(range(values.low, values.high + 1))
    bits = max(1, values.bits - 1)
    half = 1 << bits - 1
    alternating = ((1 << bits) - 1) // 3
    liked = [values.low, values.low + 1, -2, -1, 0, 1, 2, values.high - 1, values.high]
    liked += [half - 1, half, -half, -half - 1, alternating, ~alternating]
    if level is Level.THOROUGH:
        for bit in range(1, bits):
            power = 1 << bit
            liked += [power - 1, power, power + 1, -power - 1, -power, 1 - power]
    return [value for value in dict.fromkeys(liked) if value in values]


def float_patterns(format_: FloatFormat, level: Level) -> list[int]:
    """Bits of zero, of the least and the greatest numbers, of powers of two, of odd significands."""
    fraction = format_.significand_bits - 1
    greatest = ((1 << format_.exponent_bits) - 1 << fraction) - 1
    powers = (0, -1, -8) if level is Level.QUICK else range(-40, 9)
    found = [0, 1, (1 << fraction) - 1, 1 << fraction, greatest]
    for power in powers:
        one = format_.encode(Fraction(2) ** power)
        found += [one, one - 1, one + 1, one | (1 << fraction) // 3]
    return list(dict.fromkeys(found))


def weighted(values: Interval, rng: random.Random) -> int:
    """Evenly drawn, or of any magnitude, or with few ones, or near an end; each as often."""
    match rng.randrange(4):
        case 0:
            found = rng.randint(values.low, values.high)
        case 1:
            found = _signed(values, rng, rng.getrandbits(rng.randint(0, values.bits)))
        case 2:
            found = _signed(values, rng, _few_ones(values.bits, rng))
        case _:
            end, step = rng.choice([(values.low, 1), (values.high, -1), (0, 1), (0, -1)])
            found = end + step * rng.getrandbits(rng.randint(0, min(values.bits, _SMALL_BITS)))
    return min(max(found, values.low), values.high)


def weighted_float(format_: FloatFormat, rng: random.Random) -> int:
    """Bits of a finite number of zero or more: most of them scales that rescale, some of any size."""
    fraction = format_.significand_bits - 1
    one = format_.encode(Fraction(1)) >> fraction
    exponent = rng.randint(0, (1 << format_.exponent_bits) - 2) if not rng.randrange(4) else None
    chosen = one - rng.randint(0, 40) if exponent is None else exponent
    return chosen << fraction | rng.getrandbits(fraction)


def crossed(
    tables: Sequence[Sequence[Item]], width: int, rng: random.Random, most: int | None = None
) -> Iterator[tuple[Item, ...]]:
    """Each `width` of the first `most` tables crossed with each other; the others take turns."""
    crossable = range(len(tables))[:most]
    for group in combinations(crossable, min(width, len(crossable))):
        for chosen in product(*(tables[index] for index in group)):
            held = dict(zip(group, chosen, strict=True))
            yield tuple(held[i] if i in held else rng.choice(table) for i, table in enumerate(tables))


def everything(ranges: Sequence[Interval], most: int) -> Iterator[tuple[int, ...]] | None:
    """All integers of all ranges crossed; None if those are more than `most`."""
    if prod(values.high - values.low + 1 for values in ranges) > most:
        return None
    return product(*(range(values.low, values.high + 1) for values in ranges))


def table_patterns(entries: int, values: Interval, level: Level, rng: random.Random) -> list[tuple[int, ...]]:
    """A ramp, ends that alternate, random entries; then both ends, a falling ramp, more random ones."""
    span = values.high - values.low

    def ramp(step: int) -> tuple[int, ...]:
        return tuple(
            min(max(values.low + span // 2 + step * (i - entries // 2), values.low), values.high)
            for i in range(entries)
        )

    found = [ramp(1), tuple(values.high if index % 2 else values.low for index in range(entries))]
    if level is Level.THOROUGH:
        found += [ramp(-1), (values.low,) * entries, (values.high,) * entries]
    for _ in range(1 if level is Level.QUICK else 3):
        found.append(tuple(rng.randint(values.low, values.high) for _ in range(entries)))
    return list(dict.fromkeys(found))


def _signed(values: Interval, rng: random.Random, magnitude: int) -> int:
    return -magnitude if values.low < 0 and rng.randrange(2) else magnitude


def _few_ones(bits: int, rng: random.Random) -> int:
    """A run of ones, or up to three single ones."""
    if rng.randrange(2):
        return (1 << rng.randint(0, bits)) - (1 << rng.randint(0, bits))
    ones = 0
    for _ in range(rng.randint(1, 3)):
        ones |= 1 << rng.randrange(bits)
    return ones
