"""The scale recipe: normalised, as near as its rounding allows, with its limits."""

from __future__ import annotations

from fractions import Fraction
from math import frexp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.scale import ScaleRecipe, Underflow, encode
from tests.exact import round_fraction
from tests.strategies import roundings

ANY_SHIFT = Interval(-200, 200)
bit_counts = st.integers(2, 32)
reals = st.builds(
    lambda numerator, denominator, power: Fraction(numerator, denominator) * Fraction(2) ** power,
    st.integers(1, 2**40),
    st.integers(1, 2**40),
    st.integers(-60, 60),
)


@given(real=reals, bits=bit_counts, rule=roundings)
def test_the_multiplier_is_normalised_and_rounded_once(real: Fraction, bits: int, rule: Rounding) -> None:
    (multiplier,), shift = encode([real], ScaleRecipe(magnitude_bits=bits, rounding=rule), ANY_SHIFT)
    assert 2 ** (bits - 1) <= multiplier < 2**bits
    assert multiplier == round_fraction(real * Fraction(2) ** shift, rule)


@given(real=reals, bits=bit_counts)
def test_the_error_is_at_most_half_a_unit(real: Fraction, bits: int) -> None:
    (multiplier,), shift = encode([real], ScaleRecipe(magnitude_bits=bits), ANY_SHIFT)
    assert abs(multiplier - real * Fraction(2) ** shift) <= Fraction(1, 2)


@given(bits=bit_counts, power=st.integers(-40, 40))
def test_rounding_up_to_the_next_power_of_two_costs_a_shift(bits: int, power: int) -> None:
    real = (2**bits - Fraction(1, 4)) * Fraction(2) ** power
    (multiplier,), shift = encode([real], ScaleRecipe(magnitude_bits=bits), ANY_SHIFT)
    assert (multiplier, shift) == (2 ** (bits - 1), -power - 1)


@given(mantissa=st.floats(0.5, 1, exclude_max=True), exponent=st.integers(-40, 20))
def test_it_is_the_recipe_of_frexp(mantissa: float, exponent: int) -> None:
    """peers P1: ``(f, e) = frexp(real)``, ``round_half_away(f * 2^31)``, halved when that is 2^31."""
    recipe = ScaleRecipe(magnitude_bits=31, rounding=Rounding.HALF_AWAY)
    fraction, power = frexp(mantissa * 2.0**exponent)
    expected = int(Fraction(fraction) * 2**31 + Fraction(1, 2))
    if expected == 2**31:
        expected, power = expected // 2, power + 1
    assert encode([Fraction(mantissa * 2.0**exponent)], recipe, ANY_SHIFT) == ([expected], 31 - power)


@given(several=st.lists(reals, min_size=1, max_size=5), zero=st.booleans())
def test_multipliers_share_the_shift_of_the_greatest(several: list[Fraction], zero: bool) -> None:
    recipe = ScaleRecipe(magnitude_bits=16)
    channels = [*several, Fraction(0)] if zero else several
    multipliers, shift = encode(channels, recipe, ANY_SHIFT)
    assert ([max(multipliers)], shift) == encode([max(several)], recipe, ANY_SHIFT)
    assert multipliers == [round(real * Fraction(2) ** shift) for real in channels]


def test_all_zero_is_zero() -> None:
    assert encode([Fraction(0)] * 2, ScaleRecipe(magnitude_bits=16), Interval(3, 9)) == ([0, 0], 3)


def test_a_scale_below_the_greatest_shift() -> None:
    tiny = Fraction(5, 2**30)
    shifts = Interval(0, 31)
    for underflow, expected in (
        (Underflow.DENORMALIZE, ([10], 31)),
        (Underflow.ZERO, ([0], 0)),
    ):
        assert encode([tiny], ScaleRecipe(magnitude_bits=16, underflow=underflow), shifts) == expected
    with pytest.raises(ArithmeticError, match="needs a shift of 43"):
        encode([tiny], ScaleRecipe(magnitude_bits=16, underflow=Underflow.ERROR), shifts)


def test_a_scale_above_the_least_shift_is_refused() -> None:
    recipe = ScaleRecipe(magnitude_bits=16)
    assert encode([Fraction(65535)], recipe, Interval(0, 63)) == ([65535], 0)
    with pytest.raises(OverflowError, match="needs a shift of -1"):
        encode([Fraction(65536)], recipe, Interval(0, 63))
