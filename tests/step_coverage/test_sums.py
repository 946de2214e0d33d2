"""Sums of products: what is said to be possible is, with the codes that are given; nothing else."""

from __future__ import annotations

import random
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.interval import Interval
from npusim.step_coverage.sums import EXACT, Sums

WEIGHTS = st.lists(st.integers(-5, 5).filter(bool), min_size=1, max_size=4)


@given(WEIGHTS, st.integers(-3, 0), st.integers(0, 3))
def test_sums_of_few_products_are_those_of_enumeration(weights: list[int], low: int, high: int) -> None:
    codes = Interval(low, high)
    sums, rng = Sums(weights, codes), random.Random(0)
    possible = {
        sum(w * x for w, x in zip(weights, chosen, strict=True))
        for chosen in product(range(low, high + 1), repeat=len(weights))
    }
    assert sums.complete
    for total in range(sums.reach.low - 2, sums.reach.high + 3):
        found = sums.codes(total, rng)
        assert (found is not None) == sums.has(total) == (total in possible)
        if found is not None:
            assert all(code in codes for code in found)
            assert sum(w * x for w, x in zip(weights, found, strict=True)) == total


@given(st.integers(0, 2**32), st.integers(0, 1000))
def test_sums_of_many_products_are_found(seed: int, permille: int) -> None:
    rng = random.Random(seed)
    weights = [rng.choice([-1, 1]) * rng.randint(1, 127) for _ in range(EXACT + 200)]
    sums = Sums([*weights, 1], Interval(-128, 127))
    total = sums.reach.low + (sums.reach.high - sums.reach.low) * (100 + permille * 800 // 1000) // 1000
    found = sums.codes(total, random.Random(seed))
    assert found is not None
    assert sum(w * x for w, x in zip([*weights, 1], found, strict=True)) == total


def test_a_common_divisor_leaves_sums_out() -> None:
    weights = [6, -9, 12] * 40
    sums = Sums(weights, Interval(-128, 127))
    assert not sums.complete
    assert sums.codes(300, random.Random(0)) is not None
    assert sums.codes(301, random.Random(0)) is None
