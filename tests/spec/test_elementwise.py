"""W5, W6: what additions and pools start from."""

from __future__ import annotations

from npusim.spec.elementwise import Combination, combine
from npusim.spec.pooling import average_sum, maximum
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Multiply, ShiftRight


def test_an_addition_aligns_each_operand_by_its_own_fields_and_rounds_once() -> None:
    operand = [Add(operand="-x_zero"), Multiply(by="multiplier")]
    result = [ShiftRight(by=("shift",), rounding=Rounding.HALF_UP)]
    fields = ({"x_zero": 3, "multiplier": 5}, {"x_zero": -2, "multiplier": 7})
    found = combine(Combination.SUM, (10, -4), operand, fields, result, {"shift": 2})
    assert [trace.values for trace in found.operands] == [(7, 35), (-2, -14)]
    assert (found.exact, found.result.result) == (21, 5)


def test_padding_adds_nothing_to_an_average() -> None:
    assert average_sum([10, -4, 3], 3) == average_sum([10, -4, 3, 3, 3], 3) == 0


def test_a_maximum_of_negative_codes_is_negative() -> None:
    assert maximum([-7, -128, -3]) == -3
