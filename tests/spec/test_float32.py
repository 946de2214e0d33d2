"""A.float32 against numpy's binary32."""

from __future__ import annotations

from fractions import Fraction
from math import isinf

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npusim.spec.events import Event
from npusim.spec.floats import BINARY32
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Float32, Significant
from tests.exact import median, round_fraction
from tests.strategies import roundings, values_in

INFINITY = 0x7F800000
patterns = st.builds(
    lambda sign, magnitude: sign << 31 | magnitude,
    st.integers(0, 1),
    st.sampled_from([0, 1, 0x7FFFFF, 0x800000, INFINITY - 1]) | st.integers(0, INFINITY - 1),
)
usual = st.floats(2**-40, 2**10, width=32).map(lambda scale: int(np.float32(scale).view(np.uint32)))
words = values_in(Interval(-(2**63), 2**63 - 1)) | values_in(Interval(-(2**31), 2**31 - 1))


def numpy_float32(value: int, pattern: int, rule: Rounding, bits: int) -> int:
    """The same in numpy: a 64-bit integer converts to binary32 with one rounding."""
    scale = np.array([pattern], np.uint32).view(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        scaled: float = (np.array([value], np.int64).astype(np.float32) * scale).tolist()[0]
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    if isinf(scaled):
        return high if scaled > 0 else low
    return median(low, round_fraction(Fraction(scaled), rule), high)


@given(value=words, pattern=patterns | usual, rule=roundings, bits=st.sampled_from([8, 17, 32, 64]))
@example(2**24 + 1, 0x3F800000, Rounding.FLOOR, 32)
@example(2**24 + 3, 0x3F800000, Rounding.FLOOR, 32)
@example(2**62, INFINITY - 1, Rounding.HALF_EVEN, 32)
@example(2**63 - 1, 1, Rounding.CEIL, 32)
@example(-3, 0x3F000000, Rounding.HALF_UP, 8)
def test_it_equals_numpy(value: int, pattern: int, rule: Rounding, bits: int) -> None:
    stage = Float32(scale="scale", rounding=rule, to=bits)
    result = stage.exact(value, {"scale": pattern})[0]
    assert result == numpy_float32(value, pattern, rule, bits)
    assert result in stage.exact_reach(Interval(value, value), {})


@given(significand=values_in(Interval(-(2**53), 2**53)), exponent=st.integers(-240, 60))
@example(1, -150)
@example(3, -150)
@example(2**24 - 1, -150)
def test_rounding_to_float32_is_numpys_down_to_the_least_subnormal(significand: int, exponent: int) -> None:
    with np.errstate(under="ignore"):
        expected = float(np.float64(significand) * np.float64(2.0) ** exponent)
        expected = float(np.array([expected]).astype(np.float32)[0])
    rounded, scale = BINARY32.round(significand, exponent)
    assert Fraction(rounded) * Fraction(2) ** scale == Fraction(expected)


@given(pattern=patterns)
def test_patterns_decode_to_their_value(pattern: int) -> None:
    significand, exponent = BINARY32.decode(pattern)
    value = float(np.array([pattern], np.uint32).view(np.float32)[0])
    assert Fraction(significand) * Fraction(2) ** exponent == Fraction(value)


@pytest.mark.parametrize("pattern", [INFINITY, INFINITY | 1 << 31, 0x7FC00000])
def test_infinities_and_nans_are_no_scales(pattern: int) -> None:
    with pytest.raises(ValueError, match="finite"):
        BINARY32.decode(pattern)


@given(value=st.integers(-(2**63), 2**63 - 1))
def test_significant_bits_are_those_of_a_float32(value: int) -> None:
    """The processor's own conversion rounds once."""
    made, events = Significant(digits=24).exact(value, {})
    assert made == int(np.array(value, np.int64).astype(np.float32))
    assert (Event.ROUNDED in events) == (made != value)


@given(a=st.integers(-(2**24), 2**24), b=st.integers(-(2**24), 2**24), shift=st.integers(0, 30))
def test_significant_bits_of_a_sum_are_a_float32_sum(a: int, b: int, shift: int) -> None:
    aligned = (a << shift) + b
    made, _ = Significant(digits=24).exact(aligned, {})
    assert made == int(np.float32(np.ldexp(np.float32(a), shift)) + np.float32(b))
