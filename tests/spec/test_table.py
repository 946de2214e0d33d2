"""A8: tables, direct and interpolated, against the straight line in fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Table
from tests.exact import round_fraction
from tests.strategies import roundings


def test_a_signed_code_addresses_from_the_lowest() -> None:
    entries = tuple(range(1000, 1256))
    table = Table(index_bits=8)
    assert [table.exact(code, {"table": entries})[0] for code in range(-128, 128)] == list(entries)


def test_an_unsigned_code_is_its_own_address() -> None:
    table = Table(index_bits=2, index_signed=False)
    assert [table.exact(code, {"table": (7, 5, 3, 1)})[0] for code in range(4)] == [7, 5, 3, 1]


@given(
    data=st.data(),
    index_bits=st.integers(1, 4),
    fraction_bits=st.integers(1, 7),
    signed=st.booleans(),
    rounding=st.none() | roundings,
)
def test_between_entries_it_goes_straight(
    data: st.DataObject, index_bits: int, fraction_bits: int, signed: bool, rounding: Rounding | None
) -> None:
    table = Table(index_bits=index_bits, fraction_bits=fraction_bits, index_signed=signed, rounding=rounding)
    assert table.entries == 2**index_bits + 1
    entry = st.integers(-(2**15), 2**15 - 1)
    entries = data.draw(st.lists(entry, min_size=table.entries, max_size=table.entries))
    value = data.draw(st.integers(table.address.low, table.address.high))
    place = Fraction(value - table.address.low, 2**fraction_bits)
    left = int(place)
    line = entries[left] + (entries[left + 1] - entries[left]) * (place - left)
    expected = line * 2**fraction_bits if rounding is None else round_fraction(line, rounding)
    assert table.exact(value, {"table": entries})[0] == expected


def test_it_reaches_the_range_of_its_entries() -> None:
    ranges = {"table": Interval(-3, 7)}
    assert Table(index_bits=4).exact_reach(Interval(-8, 7), ranges) == Interval(-3, 7)
    rounded = Table(index_bits=2, fraction_bits=2, rounding=Rounding.FLOOR)
    assert rounded.exact_reach(Interval(-8, 7), ranges) == Interval(-3, 7)
    unrounded = Table(index_bits=2, fraction_bits=2)
    assert unrounded.exact_reach(Interval(-8, 7), ranges) == Interval(-12, 28)


def test_a_value_beyond_the_address_is_refused() -> None:
    with pytest.raises(ValueError, match="addressed by s4"):
        Table(index_bits=4).exact_reach(Interval(-8, 8), {"table": Interval(0, 1)})


def test_a_number_is_not_a_table() -> None:
    with pytest.raises(TypeError, match="is a number"):
        Table(index_bits=4).exact(0, {"table": 3})
