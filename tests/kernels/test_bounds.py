"""Prefix bounds: never passed by any prefix in any order, and reached by one."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.kernels.bounds import prefix_bounds
from npusim.spec.mac import BiasPlace


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=3),
    st.integers(-9, 9),
    st.tuples(st.integers(-2, 1), st.integers(0, 2)),
    st.integers(-2, 2),
    st.integers(-2, 2),
    st.sampled_from(BiasPlace),
)
def test_bounds_are_the_extremes_of_all_prefixes(
    weights: list[int], bias: int, codes: tuple[int, int], x_zero: int, weight_zero: int, place: BiasPlace
) -> None:
    low, high = codes[0], codes[0] + codes[1]
    reached = set()
    for xs in product(range(low, high + 1), repeat=len(weights)):
        terms = [(x - x_zero) * (w - weight_zero) for x, w in zip(xs, weights, strict=True)]
        for order in permutations(terms):
            prefixes = [sum(order[:n]) for n in range(len(order) + 1)]
            late = place is BiasPlace.LATE
            reached |= {*prefixes, prefixes[-1] + bias} if late else {bias + p for p in prefixes}
    found = prefix_bounds(
        np.array(weights, np.int8).reshape(1, 1, 1, -1),
        np.array([bias]),
        low,
        high,
        x_zero,
        np.array([weight_zero]),
        place,
    )
    exact_low, exact_high = min(reached), max(reached)
    # A late bias meets the whole sum, not any prefix: there the bounds may be wider, never narrower.
    if place is BiasPlace.LATE:
        assert found[0][0] <= exact_low
        assert found[1][0] >= exact_high
    else:
        assert (found[0][0], found[1][0]) == (exact_low, exact_high)


def test_each_channel_has_its_own() -> None:
    weights = np.array([[127, -127], [1, 1]], np.int8).reshape(2, 1, 1, 2)
    low, high = prefix_bounds(weights, np.array([100, -100]), -128, 127)
    assert low.tolist() == [100 - 127 * 128 - 127 * 127, -100 - 256]
    assert high.tolist() == [100 + 127 * 127 + 127 * 128, -100 + 254]


def test_beyond_the_word_nothing_is_proven() -> None:
    weights = np.ones((1, 1, 1, 1), np.int8)
    low, _ = prefix_bounds(weights, np.array([-(1 << 63) + 128]), -128, 127)
    assert low.tolist() == [-(1 << 63)]
    with pytest.raises(OverflowError, match="beyond 64 bits"):
        prefix_bounds(weights, np.array([-(1 << 63) + 127]), -128, 127)
