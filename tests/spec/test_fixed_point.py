"""gemmlowp's functions are near what they are named after; their bits are held against LiteRT's kernels."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.fixed_point import ONE, exponential, high_multiply, inverse_root, reciprocal, shift_down


@given(st.integers(-(1 << 31), 0))
def test_exponential(value: int) -> None:
    assert abs(exponential(value) / 2**31 - math.exp(value / 2**26)) < 2**-21


@given(st.integers(1 << 19, (1 << 31) - 1))
def test_reciprocal(value: int) -> None:
    made, shift = reciprocal(value, 12)
    assert 0 < made <= ONE
    assert shift >= 0
    assert math.isclose(made / 2**31 / 2**shift, 2**19 / value, rel_tol=2**-24)


@given(st.integers(1, (1 << 31) - 1))
def test_inverse_root(value: int) -> None:
    made, shift = inverse_root(value)
    assert shift >= 0
    assert math.isclose(made / 2**31 / 2**shift, 1 / math.sqrt(value), rel_tol=1e-4)


@given(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 31), (1 << 31) - 1))
def test_high_multiply(a: int, b: int) -> None:
    wanted = Fraction(a * b, 1 << 31)
    assert high_multiply(a, b) == min(math.floor(wanted + Fraction(1, 2)), ONE)


def test_shift_down_rounds_ties_away_from_zero() -> None:
    assert [shift_down(value, 1) for value in (-3, -1, 1, 3)] == [-2, -1, 1, 2]


def test_nothing_counts_as_one() -> None:
    assert inverse_root(0) == inverse_root(1) == (ONE, 0)
