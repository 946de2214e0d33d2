from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.analysis import loops, pieces
from npusim.analysis.budget import Budget
from npusim.analysis.compare import compare, slow
from npusim.analysis.comparison import METHODS, Difference, Method, Unit
from npusim.analysis.rescale import Rescale
from npusim.analysis.thresholds import thresholds
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, SelectNegative, ShiftLeft, ShiftRight, Wrap
from npusim.spec.width import Overflow

CHANNELS = 6
LOW, HIGH = -(1 << 15), (1 << 15) - 1
FIELDS = {
    "m": np.array([130, 255, 200, 128, 1, 0]),
    "shift": np.array([14, 10, 20, 0, 3, 9]),
    "zero": np.array([0, -5, 100, 0, 3, 0]),
}
CLAMP = Clamp(low=-128, high=127)


def rescale(rounding: Rounding, *more: BaseStage) -> Rescale:
    shift = ShiftRight(by=("shift",), rounding=rounding)
    return Rescale((Multiply(by="m"), shift, Add(operand="zero"), *(more or (CLAMP,))), FIELDS, CHANNELS)


def unit(left: Rescale, right: Rescale) -> Unit:
    channels = left.channels
    low, high = np.full(channels, LOW), np.full(channels, HIGH)
    return Unit("toy", "mac.result", left, right, low, high)


def check_by_hand(found: Difference) -> None:
    """Compare counts and witnesses with a look at every value."""
    low, high = int(found.unit.low.min()), int(found.unit.high.max())
    values = np.repeat(np.arange(low, high + 1)[:, None], found.unit.left.channels, axis=1)
    inside = (values >= found.unit.low) & (values <= found.unit.high)
    wrong = inside & (found.unit.left.run(values) != found.unit.right.run(values))
    assert found.differing.tolist() == wrong.sum(axis=0).tolist()
    for channel in range(found.unit.left.channels):
        bad = values[wrong[:, channel], channel]
        if bad.size:
            assert abs(int(found.witness[channel])) == np.abs(bad).min()
            assert found.witness[channel] in bad


@pytest.mark.parametrize(("first", "second"), list(combinations(Rounding, 2)))
def test_thresholds_count_what_a_look_at_every_value_counts(first: Rounding, second: Rounding) -> None:
    found = compare(unit(rescale(first), rescale(second)))
    assert {METHODS[i] for i in found.method} == {Method.THRESHOLDS}
    check_by_hand(found)


def test_a_16_bit_accumulator_by_the_spec() -> None:
    found = compare(unit(rescale(Rounding.HALF_UP), rescale(Rounding.HALF_EVEN)))
    left, right = found.unit.left, found.unit.right
    for channel in (0, 4):
        wrong = [v for v in range(LOW, HIGH + 1) if left.spec(v, channel) != right.spec(v, channel)]
        assert len(wrong) == found.differing[channel]
        assert min(map(abs, wrong)) == abs(int(found.witness[channel]))


def test_falling_pipelines_and_domains_of_their_own() -> None:
    fields = {**FIELDS, "m": -FIELDS["m"]}
    sides = [Rescale(rescale(rule).stages, fields, CHANNELS) for rule in (Rounding.FLOOR, Rounding.HALF_AWAY)]
    low = np.array([-30000, -20000, -9000, 5, -31000, -8000])
    high = np.array([30000, 100, 9000, 20000, 0, 7000])
    found = compare(Unit("falling", "p", *sides, low, high))
    assert Method.LOOPED not in {METHODS[i] for i in found.method}
    check_by_hand(found)


def test_what_is_not_monotone_is_looped_over() -> None:
    wraps = compare(unit(rescale(Rounding.HALF_UP, Wrap(to=8)), rescale(Rounding.HALF_UP)))
    assert METHODS[wraps.method[3]] is Method.LOOPED
    check_by_hand(wraps)
    leaky = [SelectNegative(positive=3, negative=slope) for slope in (-1, -2)]
    sides = [Rescale((stage, *rescale(Rounding.CEIL).stages[1:]), FIELDS, CHANNELS) for stage in leaky]
    found = compare(unit(*sides))
    assert {METHODS[i] for i in found.method} == {Method.LOOPED}
    check_by_hand(found)


def test_what_there_is_no_time_for_is_said_not_to_be_decided() -> None:
    found = compare(unit(rescale(Rounding.HALF_UP, Wrap(to=8)), rescale(Rounding.HALF_UP)), budget=Budget(0))
    # in two channels the multiplier is so small that nothing wraps
    assert slow(found.unit) == len(found.undecided) == CHANNELS - 2
    assert found.values == 2 << 16
    assert not found.differing[found.undecided].any()
    assert slow(unit(rescale(Rounding.FLOOR), rescale(Rounding.HALF_UP))) == 0


WRAPPED = {
    "multiply": (
        Multiply(by="m", bits=18, overflow=Overflow.WRAP),
        ShiftRight(by=(3,), rounding=Rounding.CEIL),
    ),
    "twice": (ShiftLeft(by=3, bits=17, overflow=Overflow.WRAP), Multiply(by="m"), Wrap(to=22)),
    "at the end": (Multiply(by=-3), ShiftRight(by=(4,), rounding=Rounding.HALF_UP), Wrap(to=11)),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_between_wraps_thresholds_say_it_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each side wraps elsewhere."""
    monkeypatch.setattr(pieces, "_LEAST", 1)
    monkeypatch.setattr(loops, "period", lambda unit: None)
    stages = WRAPPED[name]
    sides = [
        Rescale((*part, CLAMP), {"m": FIELDS["m"]}, CHANNELS) for part in (stages, (Add(operand=5), *stages))
    ]
    found = compare(unit(*sides))
    assert Method.PIECES in {METHODS[i] for i in found.method}
    assert found.total > 0
    check_by_hand(found)


def test_one_period_says_it_all() -> None:
    """Three bits up, wrapped to 12: results repeat after 2^9 values."""
    shift = ShiftLeft(by=3, bits=12, overflow=Overflow.WRAP)
    sides = [
        Rescale((shift, ShiftRight(by=(5,), rounding=rule), CLAMP), {}, 1)
        for rule in (Rounding.HALF_EVEN, Rounding.HALF_UP)
    ]
    for low, high in ((LOW, HIGH), (-20_001, 30_003), (700, 30_003)):
        found = compare(Unit("p", "p", *sides, np.array([low]), np.array([high])))
        assert METHODS[found.method[0]] is Method.PERIOD
        assert found.total > 0
        check_by_hand(found)


def test_small_domains_are_enumerated() -> None:
    sides = rescale(Rounding.FLOOR), rescale(Rounding.CEIL)
    found = compare(Unit("small", "p", *sides, np.full(CHANNELS, -100), np.arange(CHANNELS) * 50))
    assert {METHODS[i] for i in found.method} == {Method.ENUMERATED}
    check_by_hand(found)


@settings(max_examples=60)
@given(st.data())
def test_thresholds_are_where_codes_begin(data: st.DataObject) -> None:
    drawn = st.integers
    fields = {
        "m": np.array(data.draw(st.lists(drawn(0, 70000), min_size=3, max_size=3))),
        "shift": np.array(data.draw(st.lists(drawn(0, 40), min_size=3, max_size=3))),
        "zero": data.draw(drawn(-128, 127)),
    }
    low = np.array(data.draw(st.lists(drawn(-50_000, 0), min_size=3, max_size=3)))
    high = low + np.array(data.draw(st.lists(drawn(0, 60_000), min_size=3, max_size=3)))
    rule = data.draw(st.sampled_from(Rounding))
    one = Rescale(rescale(rule).stages, fields, 3)
    found = thresholds(one, low, high, range(-128, 128))
    again = thresholds(one, low, high, range(-128, 128), like=found)
    assert (found.table == again.table).all()
    for channel in range(3):
        results = one.columns(np.array([channel])).run(np.arange(low[channel], high[channel] + 1)[:, None])[
            :, 0
        ]
        wanted = low[channel] + np.searchsorted(results, np.arange(-127, 128))
        assert found.table[:, channel].tolist() == wanted.tolist()
