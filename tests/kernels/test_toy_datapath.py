"""A whole toy datapath: 3-bit operands, a 6-bit accumulator, every sequence of three beats there is."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest

from npusim.kernels.geometry import Geometry
from npusim.kernels.mac import accumulate_fast, accumulate_ordered
from npusim.kernels.packed import pack
from npusim.spec.mac import Accumulation, BiasPlace, Column, accumulate
from npusim.spec.width import Overflow, Width

CODES = np.array(list(product(range(-4, 4), repeat=3)), np.int8)
"""Every input of three 3-bit codes, and every output channel of three 3-bit weights."""

X, WEIGHTS = CODES.reshape(512, 1, 3), CODES.reshape(512, 1, 1, 3)
PRODUCTS = CODES.astype(np.int64)[:, np.newaxis] * CODES.astype(np.int64)
GEOMETRY = Geometry((1, 1), (512, 1))


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize(
    ("bias", "place", "tree"),
    [
        (0, BiasPlace.PRELOAD, None),
        (-32, BiasPlace.PRELOAD, None),
        (31, BiasPlace.LATE, None),
        (5, BiasPlace.PRELOAD, Width(4)),
    ],
)
def test_every_sequence(overflow: Overflow, bias: int, place: BiasPlace, tree: Width | None) -> None:
    column = Column(Width(6), overflow, place, tree, overflow)

    @cache
    def spec(beats: tuple[int, ...]) -> Accumulation:
        # The column sees products only: a product p is (p, 1).
        return accumulate([[(p, 1)] for p in beats], bias, column)

    made = [spec(tuple(beats)) for beats in PRODUCTS.reshape(-1, 3).tolist()]
    biases = np.full(512, bias)
    values, seen = accumulate_ordered(X, pack(WEIGHTS, np.int8), biases, GEOMETRY, column, lanes=1)
    assert values.reshape(-1).tolist() == [one.value for one in made]
    assert seen.prefix == sum(one.overflows for one in made) > 0
    assert seen.final == sum(one.leaves(column.accumulator) for one in made)
    firsts = [(index, one.first_overflow) for index, one in enumerate(made) if one.overflows]
    assert (seen.first_prefix, seen.first_beat) == firsts[0]


def test_saturating_on_the_way_is_not_clamping_at_the_end() -> None:
    column = Column(Width(6), Overflow.SATURATE)
    packed, bias = pack(WEIGHTS, np.int8), np.zeros(512, np.int64)
    ordered, _ = accumulate_ordered(X, packed, bias, GEOMETRY, column, lanes=1)
    exact = accumulate_fast(X, packed, bias, GEOMETRY, word=np.int64)
    differ = ordered != np.clip(exact, -32, 31)
    prefixes = np.cumsum(PRODUCTS, axis=2)
    overflowed = ((prefixes < -32) | (prefixes > 31)).any(axis=2)
    assert differ.any()
    assert not differ[~overflowed].any()


def test_wrapping_on_the_way_is_wrapping_at_the_end() -> None:
    column = Column(Width(6), Overflow.WRAP)
    packed, bias = pack(WEIGHTS, np.int8), np.zeros(512, np.int64)
    ordered, _ = accumulate_ordered(X, packed, bias, GEOMETRY, column, lanes=1)
    exact = accumulate_fast(X, packed, bias, GEOMETRY, word=np.int64)
    np.testing.assert_array_equal(ordered, (exact + 32) % 64 - 32)
