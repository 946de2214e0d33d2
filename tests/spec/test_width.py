"""A2: registers, their overflow rules, and the ranges that widths are derived from."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.events import NO_EVENTS, Event
from npusim.spec.interval import Interval
from npusim.spec.width import Overflow, Width, bits_for, into, saturate, wrap
from tests.exact import median, modular
from tests.strategies import values_in, widths

wide = values_in(Interval(-(2**70), 2**70))


@given(width=widths())
def test_a_register_holds_as_many_values_as_its_bits_tell(width: Width) -> None:
    assert width.high - width.low + 1 == 2**width.bits
    assert (width.low < 0) == width.signed


def test_a_register_of_no_bits_reads_as_zero() -> None:
    for signed in (True, False):
        assert (Width(0, signed).low, Width(0, signed).high) == (0, 0)


@given(value=wide, width=widths())
def test_wrap_is_congruent_and_fits(value: int, width: Width) -> None:
    wrapped, events = wrap(value, width)
    assert wrapped == (modular(value, width.bits) if width.signed else value % 2**width.bits)
    assert events == (NO_EVENTS if wrapped == value else {Event.WRAPPED})


@given(value=wide, width=widths())
def test_saturate_is_the_nearest_that_fits(value: int, width: Width) -> None:
    saturated, events = saturate(value, width)
    assert saturated == median(width.low, value, width.high)
    expected = {Event.SATURATED_LOW} if value < saturated else {Event.SATURATED_HIGH}
    assert events == (NO_EVENTS if value == saturated else expected)


@given(value=wide, width=widths())
def test_into_follows_the_overflow_rule(value: int, width: Width) -> None:
    assert into(value, width, Overflow.WRAP) == wrap(value, width)
    assert into(value, width, Overflow.SATURATE) == saturate(value, width)


@given(low=wide, high=wide)
def test_bits_for_is_enough_and_one_less_is_not(low: int, high: int) -> None:
    bits = bits_for(low, high)
    assert all(Width(bits).holds(value) for value in (low, high))
    assert bits == 1 or not all(Width(bits - 1).holds(value) for value in (low, high))


small = st.tuples(st.integers(-9, 9), st.integers(-9, 9)).map(lambda ends: Interval(min(ends), max(ends)))


def _all(interval: Interval) -> range:
    return range(interval.low, interval.high + 1)


@given(a=small, b=small)
def test_interval_arithmetic_is_the_hull_of_all_results(a: Interval, b: Interval) -> None:
    sums = [x + y for x, y in product(_all(a), _all(b))]
    products = [x * y for x, y in product(_all(a), _all(b))]
    clamped = [median(b.low, x, b.high) for x in _all(a)]
    for interval, results in ((a + b, sums), (a * b, products), (a.clamped(b), clamped)):
        assert (interval.low, interval.high) == (min(results), max(results))
    assert set(_all(-a)) == {-x for x in _all(a)}
    assert a.within(b) == set(_all(a)).issubset(_all(b))
    assert set(_all(a.hull(b))).issuperset({*_all(a), *_all(b)})


def test_an_interval_is_not_empty() -> None:
    with pytest.raises(ValueError, match=r"empty interval 1\.\.0"):
        Interval(1, 0)
