"""The primitives: what each computes, and that their derived ranges (A2) are sound and tight."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.activation import ActivationBounds
from npusim.spec.events import NO_EVENTS, Event
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    Fields,
    Multiply,
    Saturate,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Wrap,
    field_name,
)
from npusim.spec.stages.base import value_of
from npusim.spec.width import Overflow, Width, into
from tests.exact import median, modular, round_fraction
from tests.strategies import RANGES, field_values, stages, values_in

word = values_in(Interval(-(2**40), 2**40))


@given(value=word, fields=field_values())
def test_what_each_stage_computes(value: int, fields: Fields) -> None:
    number = {name: field for name, field in fields.items() if isinstance(field, int)}
    total = number["shift"] + number["inverse_shift"]
    slope = number["multiplier"] if value >= 0 else number["slope"]
    expected = {
        Add(operand="x_zero"): value + number["x_zero"],
        Add(operand="-x_zero"): value - number["x_zero"],
        Add(operand=-5): value - 5,
        Multiply(by="slope"): value * number["slope"],
        ShiftLeft(by="left"): value * 2 ** number["left"],
        ShiftRight(by=("shift", "inverse_shift"), rounding=Rounding.HALF_AWAY): round_fraction(
            Fraction(value, 2**total), Rounding.HALF_AWAY
        ),
        Divide(by="count", rounding=Rounding.HALF_AWAY): round_fraction(
            Fraction(value, number["count"]), Rounding.HALF_AWAY
        ),
        Saturate(to=12): median(-2048, value, 2047),
        Saturate(to=12, to_signed=False): median(0, value, 4095),
        Wrap(to=12): modular(value, 12),
        Wrap(to=12, to_signed=False): value % 4096,
        Clamp(low="low", high="high"): median(number["low"], value, number["high"]),
        SelectNegative(positive="multiplier", negative="slope"): value * slope,
    }
    for stage, result in expected.items():
        assert stage.exact(value, fields)[0] == result, stage


@given(stage=stages(), value=word, fields=field_values())
def test_the_register_follows_the_exact_result(stage: BaseStage, value: int, fields: Fields) -> None:
    exact, events = stage.exact(value, fields)
    if stage.register is None or stage.overflow is None:
        assert stage.apply(value, fields) == (exact, events)
        return
    written, overflowed = into(exact, stage.register, stage.overflow)
    assert stage.apply(value, fields) == (written, events | overflowed)


@given(stage=stages(), data=st.data(), fields=field_values())
def test_every_result_lies_in_the_derived_range(
    stage: BaseStage, data: st.DataObject, fields: Fields
) -> None:
    ends = data.draw(st.lists(word, min_size=2, max_size=2).map(sorted))
    entering = Interval(*ends)
    value = data.draw(values_in(entering))
    assert stage.exact(value, fields)[0] in stage.exact_reach(entering, RANGES)
    assert stage.apply(value, fields)[0] in stage.reach(entering, RANGES)


SMALL = {
    "a": Interval(-2, 1),
    "b": Interval(0, 3),
    "shift": Interval(0, 3),
    "count": Interval(1, 5),
    "low": Interval(-3, 2),
    "high": Interval(-1, 4),
}

TIGHT: list[BaseStage] = [
    Add(operand="a"),
    Add(operand="-b"),
    Multiply(by="a"),
    Multiply(by="-b"),
    ShiftLeft(by="shift"),
    *(ShiftRight(by=("shift", "b"), rounding=rule) for rule in Rounding),
    *(Divide(by="count", rounding=rule) for rule in Rounding),
    *(Significant(digits="count", rounding=rule) for rule in Rounding),
    Clamp(low="low", high="high"),
    Clamp(low="a", high=2),
    Saturate(to=3),
    Saturate(to=2, to_signed=False),
    SelectNegative(positive="b", negative="a"),
    Add(operand="b", bits=3, overflow=Overflow.SATURATE),
]


@pytest.mark.parametrize("stage", TIGHT, ids=lambda stage: f"{stage.stage}-{getattr(stage, 'rounding', '')}")
@pytest.mark.parametrize("ends", [(-7, 6), (-6, -2), (3, 9), (0, 0), (5, 5)])
def test_the_derived_range_is_the_hull_of_all_results(stage: BaseStage, ends: tuple[int, int]) -> None:
    names = [name for operand in stage.operands() if (name := field_name(operand))]
    choices = [range(SMALL[name].low, SMALL[name].high + 1) for name in names]
    results = [
        stage.apply(value, dict(zip(names, chosen, strict=True)))[0]
        for chosen in product(*choices)
        for value in range(ends[0], ends[1] + 1)
        if not isinstance(stage, Clamp) or _bounds_in_order(stage, dict(zip(names, chosen, strict=True)))
    ]
    assert stage.reach(Interval(*ends), SMALL) == Interval(min(results), max(results))


def _bounds_in_order(clamp: Clamp, fields: Fields) -> bool:
    return value_of(clamp.low, fields) <= value_of(clamp.high, fields)


def test_a_wrapping_register_reaches_everything_once_it_overflows() -> None:
    stage = Add(operand=100, bits=8, overflow=Overflow.WRAP)
    assert stage.reach(Interval(0, 27), {}) == Interval(100, 127)
    assert stage.reach(Interval(0, 28), {}) == Interval.of(Width(8))


@pytest.mark.parametrize(
    ("value", "bounds", "event"),
    [
        (-5, ActivationBounds.NONE, Event.SATURATED_LOW),
        (-5, ActivationBounds.HIGH, Event.SATURATED_LOW),
        (-5, ActivationBounds.LOW, Event.ACTIVATION),
        (9, ActivationBounds.LOW, Event.SATURATED_HIGH),
        (9, ActivationBounds.HIGH, Event.ACTIVATION),
        (9, ActivationBounds.BOTH, Event.ACTIVATION),
    ],
)
def test_a_clip_counts_as_activation_only_at_its_bounds(
    value: int, bounds: ActivationBounds, event: Event
) -> None:
    fields = {"low": 0, "high": 6, "activation": int(bounds)}
    assert Clamp(low="low", high="high").exact(value, fields)[1] == {event}
    assert Clamp(low="low", high="high").exact(6, fields) == (6, NO_EVENTS)


def test_a_table_is_not_a_number() -> None:
    with pytest.raises(TypeError, match="is a table"):
        Add(operand="x").exact(1, {"x": (1, 2)})
