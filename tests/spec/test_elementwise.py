"""W5, W6: what additions and pools start from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.elementwise import Combination, combine
from npusim.spec.interval import Interval
from npusim.spec.pooling import average_sum, maximum
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Multiply, ShiftRight


@pytest.mark.parametrize(
    ("combination", "exact", "result"),
    [(Combination.SUM, 21, 5), (Combination.DIFFERENCE, 49, 12), (Combination.PRODUCT, -490, -122)],
)
def test_each_operand_is_aligned_by_its_own_fields_and_the_result_rounded_once(
    combination: Combination, exact: int, result: int
) -> None:
    operand = [Add(operand="-x_zero"), Multiply(by="multiplier")]
    rescale = [ShiftRight(by=("shift",), rounding=Rounding.HALF_UP)]
    fields = ({"x_zero": 3, "multiplier": 5}, {"x_zero": -2, "multiplier": 7})
    found = combine(combination, (10, -4), operand, fields, rescale, {"shift": 2})
    assert [trace.values for trace in found.operands] == [(7, 35), (-2, -14)]
    assert (found.exact, found.result.result) == (exact, result)


small = st.tuples(st.integers(-9, 9), st.integers(-9, 9)).map(lambda ends: Interval(min(ends), max(ends)))


@given(combination=st.sampled_from(Combination), a=small, b=small)
def test_the_range_of_a_combination_is_the_hull_of_all_results(
    combination: Combination, a: Interval, b: Interval
) -> None:
    results = [combination.of(x, y) for x in range(a.low, a.high + 1) for y in range(b.low, b.high + 1)]
    assert combination.reach(a, b) == Interval(min(results), max(results))


def test_padding_adds_nothing_to_an_average() -> None:
    assert average_sum([10, -4, 3], 3) == average_sum([10, -4, 3, 3, 3], 3) == 0


def test_a_maximum_of_negative_codes_is_negative() -> None:
    assert maximum([-7, -128, -3]) == -3
