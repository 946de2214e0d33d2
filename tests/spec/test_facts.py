"""ARITHMETIC.md C: identities that fast paths and presets rest on."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from tests.exact import median, modular
from tests.strategies import values_in

accumulators = values_in(Interval(-(2**31), 2**31 - 1))
multipliers = values_in(Interval(2**30, 2**31 - 1))


def _toward_zero(value: int, divisor: int) -> int:
    return abs(value) // divisor * (1 if value >= 0 else -1)


def gemmlowp(x: int, multiplier: int, exponent: int) -> int:
    """The published C: a doubling high multiply, then a rounding division by a power of two."""
    left, right = max(exponent, 0), max(-exponent, 0)
    product = modular(x << left, 32) * multiplier
    nudge = 2**30 if product >= 0 else 1 - 2**30
    high = _toward_zero(product + nudge, 2**31)
    mask = (1 << right) - 1
    threshold = (mask >> 1) + (1 if high < 0 else 0)
    return (high >> right) + (1 if (high & mask) > threshold else 0)


@given(x=accumulators, m=multipliers, exponent=st.integers(-31, 20))
@example(2**30, 2**30, -1)
@example(-(2**30), 2**30, -1)
def test_gemmlowp_double_rounding_is_one_shift(x: int, m: int, exponent: int) -> None:
    if exponent > 0:
        x = median(-(2**31) >> exponent, x, (2**31 - 1) >> exponent)
    s = 31 - exponent
    second = (2**30 if x >= 0 else -(2**30)) if s > 31 else 0
    assert gemmlowp(x, m, exponent) == (x * m + 2 ** (s - 1) + second) >> s


@given(x=accumulators, m=multipliers, exponent=st.integers(-31, -1))
def test_gemmlowp_is_half_up_then_half_away(x: int, m: int, exponent: int) -> None:
    high = shift_right(x * m, 31, Rounding.HALF_UP)[0]
    assert gemmlowp(x, m, exponent) == shift_right(high, -exponent, Rounding.HALF_AWAY)[0]


def _expanded(a: int, b: int, inner: int, n: int, rule: Rounding) -> tuple[int, int]:
    """``(a + b/2^inner) / 2^n``: with the inner term floored, and exactly."""
    return shift_right(a + (b >> inner), n, rule)[0], shift_right((a << inner) + b, n + inner, rule)[0]


@given(a=accumulators, b=accumulators, inner=st.integers(0, 20), n=st.integers(1, 40))
def test_flooring_an_inner_term_is_exact_for_half_up(a: int, b: int, inner: int, n: int) -> None:
    floored, exact = _expanded(a, b, inner, n, Rounding.HALF_UP)
    assert floored == exact


@pytest.mark.parametrize("rule", [Rounding.HALF_EVEN, Rounding.HALF_AWAY])
def test_flooring_an_inner_term_is_not_exact_for_other_nearest_rules(rule: Rounding) -> None:
    cases = [_expanded(a, b, 2, 2, rule) for a in range(-8, 8) for b in range(-8, 8)]
    assert any(floored != exact for floored, exact in cases)
