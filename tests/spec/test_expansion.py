"""A7: sums of accumulators, enumerated on a toy and against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.spec.expansion import accumulate_onto, digit, sum_orders
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width
from tests.exact import median, modular

BEATS = ([], [-7], [5, 9], [-20, 30])


@pytest.mark.parametrize("place", BiasPlace)
def test_every_partial_sum_of_a_six_bit_accumulator(place: BiasPlace) -> None:
    saturating, wrapping = (Column(Width(6), overflow, place) for overflow in Overflow)
    late = place is BiasPlace.LATE
    for partial, shift, bias, beats in product(range(-32, 32, 3), range(4), (-32, -3, 0, 31), BEATS):
        fed = [[(beat, 1)] for beat in beats]
        exact = partial * 2**shift + bias + sum(beats)
        writes = [partial * 2**shift, *([] if late else [bias]), *beats, *([bias] if late else [])]
        value = missed = 0
        for write in writes:
            missed += not -32 <= value + write <= 31
            value = median(-32, value + write, 31)
        made = accumulate_onto(fed, partial, shift, bias, saturating)
        assert (made.value, made.exact, made.overflows) == (value, exact, missed)
        made = accumulate_onto(fed, partial, shift, bias, wrapping)
        assert (made.value, made.exact) == (modular(exact, 6), exact)


def test_a_load_that_does_not_fit_is_an_overflow_of_the_first_beat() -> None:
    column = Column(Width(8), Overflow.SATURATE)
    assert accumulate_onto([[(1, 1)], [(1, 1)]], 100, 1, 0, column).first_overflow == 0
    assert accumulate_onto([[(1, 1)], [(100, 1)]], 60, 1, 0, column).first_overflow == 1
    assert accumulate_onto([[(1, 1)]], 60, 1, 0, column).first_overflow is None


@given(
    st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, 65535), st.integers(0, 7)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 63),
    st.integers(0, 15),
    st.integers(-128, 127),
)
def test_orders_are_summed_exactly_and_rounded_once(
    orders: list[tuple[int, int, int]], shift: int, inverse: int, zero: int
) -> None:
    pipeline = load_datapath("wes_npu_rex_multipliers").pipelines["expansion"]
    assert pipeline.operand is not None
    assert pipeline.result is not None
    fields = [{"multiplier": m, "align": align} for _, m, align in orders]
    rest = {"shift": shift, "inverse_shift": inverse, "y_zero": zero, "low": -128, "high": 127}
    made = sum_orders([a for a, _, _ in orders], pipeline.operand, fields, pipeline.result, rest)
    real = sum((Fraction(a) * m * 2**align for a, m, align in orders), Fraction(0)) / 2 ** (shift + inverse)
    assert made.result.result == median(-128, floor(real + Fraction(1, 2)) + zero, 127)


@given(st.integers(2, 16), st.integers(2, 15), st.data())
def test_digits_are_operands_and_make_up_the_code(width: int, bits: int, data: st.DataObject) -> None:
    code = data.draw(st.integers(-(2 ** (width - 1)), 2 ** (width - 1) - 1))
    shifts = range(0, width, bits)
    digits = [digit(code, shift, bits, width) for shift in shifts]
    assert all(-(2 ** (bits - 1)) <= found < 2 ** (bits - 1) for found in digits)
    offset = sum(2 ** (bits - 1 + shift) for shift in shifts[:-1])
    assert sum(found * 2**shift for found, shift in zip(digits, shifts, strict=True)) + offset == code
