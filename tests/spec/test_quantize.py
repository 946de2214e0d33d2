"""A9: real numbers to codes and back, on exact fractions."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.quantize import byte_table, dequantize, quantize
from npusim.spec.rounding import Rounding
from npusim.spec.width import Width
from tests.exact import median, round_fraction
from tests.strategies import widths

rationals = st.fractions(-1000, 1000, max_denominator=10**6)
scales = st.fractions(Fraction(1, 10**4), 10, max_denominator=10**6)


@given(value=rationals, scale=scales, zero_point=st.integers(-128, 127), codes=widths(16, 2))
def test_quantize_is_the_clamped_nearest_code(
    value: Fraction, scale: Fraction, zero_point: int, codes: Width
) -> None:
    nearest = round_fraction(value / scale, Rounding.HALF_EVEN) + zero_point
    assert quantize(value, scale, zero_point, codes) == median(codes.low, nearest, codes.high)


@given(code=st.integers(-128, 127), scale=scales, zero_point=st.integers(-128, 127))
def test_dequantize_then_quantize_gives_the_code_back(code: int, scale: Fraction, zero_point: int) -> None:
    assert quantize(dequantize(code, scale, zero_point), scale, zero_point, Width(8)) == code


def test_with_a_scale_of_2_over_255_every_byte_is_a_tie_to_even() -> None:
    codes = byte_table(Fraction(255, 2), Fraction(255, 2), Fraction(2, 255), 0, Width(8))
    assert all(
        abs(code - (byte - Fraction(255, 2))) == Fraction(1, 2) for byte, code in enumerate(codes[:-1])
    )
    assert all(code % 2 == 0 for code in codes[:-1])
    assert (codes[0], codes[127], codes[128], codes[255]) == (-128, 0, 0, 127)


def test_the_byte_table_is_the_preprocess_then_quantize() -> None:
    mean, std, scale = Fraction("123.675"), Fraction("58.395"), Fraction(1, 51)
    codes = byte_table(mean, std, scale, 7, Width(8))
    assert codes == [median(-128, round((byte - mean) / std / scale) + 7, 127) for byte in range(256)]
