"""W2, W3, A4, A5: the accumulator, enumerated on a toy and drawn at random."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given

from npusim.spec.mac import BiasPlace, Column, accumulate
from npusim.spec.width import Overflow, Width
from tests.exact import median, modular
from tests.strategies import Mac, macs

REGISTER = Width(6)
BIASES = (-32, -1, 0, 31)
OPERANDS = range(-4, 4)
PAIR_OF = {x * w: (x, w) for x, w in product(OPERANDS, OPERANDS)}
"""One pair of 3-bit operands for each product."""


def _writes(bias: int, sums: list[int], place: BiasPlace) -> tuple[int, list[int]]:
    """What the accumulator starts from and what is added to it."""
    return (bias, sums) if place is BiasPlace.PRELOAD else (0, [*sums, bias])


def _saturating(start: int, addends: list[int]) -> int:
    for addend in addends:
        start = median(-32, start + addend, 31)
    return start


@pytest.mark.parametrize("place", BiasPlace)
@pytest.mark.parametrize("beats", [0, 1, 2, 3])
def test_every_sequence_of_three_bit_products_in_a_six_bit_accumulator(place: BiasPlace, beats: int) -> None:
    wrapping = Column(REGISTER, Overflow.WRAP, place)
    saturating = Column(REGISTER, Overflow.SATURATE, place)
    for sums in product(PAIR_OF, repeat=beats):
        for bias in BIASES:
            fed = [[PAIR_OF[total]] for total in sums]
            assert accumulate(fed, bias, wrapping).value == modular(sum(sums) + bias, 6)
            assert accumulate(fed, bias, saturating).value == _saturating(*_writes(bias, list(sums), place))


def test_saturating_after_each_beat_is_not_saturating_at_the_end() -> None:
    column = Column(REGISTER, Overflow.SATURATE)
    differing = [
        sums
        for sums in product(PAIR_OF, repeat=3)
        if accumulate([[PAIR_OF[total]] for total in sums], 0, column).value != median(-32, sum(sums), 31)
    ]
    assert (16, 16, -12) in differing


def test_wrapping_does_not_depend_on_the_order_and_saturating_does() -> None:
    sums = (16, 16, -12, 9)
    for overflow, results in ((Overflow.WRAP, 1), (Overflow.SATURATE, 3)):
        column = Column(REGISTER, overflow)
        found = {accumulate([[PAIR_OF[s]] for s in order], 0, column).value for order in permutations(sums)}
        assert len(found) == results


@given(mac=macs())
def test_any_column_write_by_write(mac: Mac) -> None:
    column = mac.column
    value, addends = _writes(mac.bias, mac.sums, column.bias_place)
    held, overflowed = [value], []
    for index, addend in enumerate(addends):
        is_bias = index == len(mac.beats)
        through_tree = (
            addend if is_bias or column.tree is None else _write(addend, column.tree, column.tree_overflow)
        )
        exact = value + through_tree
        value = _write(exact, column.accumulator, column.overflow)
        held.append(value)
        if through_tree != addend or value != exact:
            overflowed.append(index)
    result = accumulate(mac.beats, mac.bias, column)
    assert result.value == value
    assert result.exact == sum(mac.sums) + mac.bias
    assert result.overflows == len(overflowed)
    assert result.first_overflow == (overflowed[0] if overflowed else None)
    assert (result.lowest, result.highest) == (min(held), max(held))


def _write(value: int, width: Width, overflow: Overflow) -> int:
    if overflow is Overflow.WRAP:
        return modular(value, width.bits)
    return median(width.low, value, width.high)


@given(mac=macs())
def test_final_overflow_is_about_the_exact_sum(mac: Mac) -> None:
    result = accumulate(mac.beats, mac.bias, mac.column)
    assert result.leaves(mac.column.accumulator) == (
        not mac.column.accumulator.holds(sum(mac.sums) + mac.bias)
    )


@given(mac=macs())
def test_without_overflows_the_value_is_the_exact_sum(mac: Mac) -> None:
    wide = Column(Width(20), mac.column.overflow, mac.column.bias_place)
    result = accumulate(mac.beats, mac.bias, wide)
    assert (result.value, result.overflows) == (sum(mac.sums) + mac.bias, 0)


def test_prefixes_overflow_though_the_final_sum_fits() -> None:
    column = Column(REGISTER, Overflow.WRAP)
    result = accumulate([[(-4, -4)], [(-4, -4)], [(-4, 3)]], 0, column)
    assert (result.value, result.overflows, result.first_overflow) == (20, 2, 1)
    assert not result.leaves(REGISTER)
