"""A1 against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.events import Event
from npusim.spec.rounding import Rounding, divide, shift_right
from tests.exact import round_fraction
from tests.strategies import roundings


@pytest.mark.parametrize("rule", Rounding)
def test_every_rule_on_all_small_values(rule: Rounding) -> None:
    for n in range(8):
        for value in range(-300, 301):
            assert shift_right(value, n, rule)[0] == round_fraction(Fraction(value, 2**n), rule), (value, n)


@given(value=st.integers(-(2**80), 2**80), n=st.integers(0, 90), rule=roundings)
def test_rules_on_large_values_and_shifts_beyond_the_width(value: int, n: int, rule: Rounding) -> None:
    assert shift_right(value, n, rule)[0] == round_fraction(Fraction(value, 2**n), rule)


@given(floor=st.integers(-(2**40), 2**40), n=st.integers(1, 70), rule=roundings, off=st.integers(-1, 1))
def test_rules_at_and_beside_ties(floor: int, n: int, rule: Rounding, off: int) -> None:
    value = (floor << n) + (1 << (n - 1)) + off
    assert shift_right(value, n, rule)[0] == round_fraction(Fraction(value, 2**n), rule)


def test_the_rules_differ_from_each_other() -> None:
    results = {tuple(shift_right(v, 2, rule)[0] for v in range(-16, 17)) for rule in Rounding}
    assert len(results) == len(Rounding)


@given(value=st.integers(-(2**70), 2**70), n=st.integers(0, 80), rule=roundings)
def test_events_say_what_was_shifted_out(value: int, n: int, rule: Rounding) -> None:
    lost = Fraction(value, 2**n) % 1
    expected = {Event.ROUNDED} if lost else set()
    if lost == Fraction(1, 2):
        expected.add(Event.TIE)
    assert shift_right(value, n, rule)[1] == expected


def test_a_negative_shift_is_an_error() -> None:
    with pytest.raises(ValueError, match="negative total shift"):
        shift_right(1, -1, Rounding.FLOOR)


@pytest.mark.parametrize("rule", Rounding)
def test_divide_on_all_small_fractions(rule: Rounding) -> None:
    for denominator in range(1, 14):
        for numerator in range(-60, 61):
            expected = round_fraction(Fraction(numerator, denominator), rule)
            assert divide(numerator, denominator, rule) == expected, (numerator, denominator)


@given(numerator=st.integers(-(2**90), 2**90), denominator=st.integers(1, 2**70), rule=roundings)
def test_divide_on_large_fractions(numerator: int, denominator: int, rule: Rounding) -> None:
    assert divide(numerator, denominator, rule) == round_fraction(Fraction(numerator, denominator), rule)
