"""The compiled interpreter against the spec: values after every stage, and every event."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.kernels.events import EventCounts
from npusim.kernels.pipeline import compile_pipeline, run, run_stage
from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    Float32,
    Float64,
    Multiply,
    Saturate,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    Wrap,
)
from npusim.spec.width import Overflow, Width
from tests.kernels.reference import SpecRun, columns_of, with_tables_of
from tests.strategies import field_values, pipelines, roundings, values_in

WORD = Interval.of(Width(64))


def _check(stages: list[BaseStage] | tuple[BaseStage, ...], values: np.ndarray, fields: list) -> None:
    spec = SpecRun(stages, values, fields)
    plan = compile_pipeline(stages, columns_of(fields), values.shape[1])
    events = EventCounts(len(stages))
    counted = run(plan, values.copy(), events)
    np.testing.assert_array_equal(counted, spec.after[-1])
    np.testing.assert_array_equal(events.counts, spec.events.counts)
    np.testing.assert_array_equal(events.first, spec.events.first)
    np.testing.assert_array_equal(run(plan, values.copy()), spec.after[-1])
    by_stage, one_by_one = values.copy(), EventCounts(len(stages))
    for index in range(len(stages)):
        run_stage(plan, by_stage, index, one_by_one)
        np.testing.assert_array_equal(by_stage, spec.after[index])
    np.testing.assert_array_equal(one_by_one.counts, events.counts)


@given(st.data())
def test_any_pipeline_equals_the_spec(data: st.DataObject) -> None:
    entering = Interval.of(Width(data.draw(st.integers(2, 33))))
    stages = data.draw(pipelines(entering))
    channels = data.draw(st.integers(1, 4))
    drawn = [data.draw(field_values()) for _ in range(channels)]
    fields = [{**with_tables_of(drawn[0], one), "activation": data.draw(st.integers(0, 3))} for one in drawn]
    rows = data.draw(st.integers(1, 4))
    values = np.array(
        [[data.draw(values_in(entering)) for _ in range(channels)] for _ in range(rows)], np.int64
    )
    _check(stages, values, fields)


@given(st.data(), roundings)
def test_any_shift_of_any_word(data: st.DataObject, rounding: Rounding) -> None:
    shifts = data.draw(st.lists(st.integers(0, 255) | st.integers(60, 67), min_size=1, max_size=4))
    near_tie = st.builds(
        lambda n, d, s: s * ((1 << n) + d), st.integers(0, 62), st.integers(-1, 1), st.sampled_from([-1, 1])
    )
    value = values_in(WORD) | near_tie
    values = np.array([[data.draw(value) for _ in shifts] for _ in range(4)], np.int64)
    stages = [ShiftRight(by=("n",), rounding=rounding)]
    _check(stages, values, [{"n": shift} for shift in shifts])


@given(st.data(), roundings, st.integers(2, 64))
def test_any_word_through_float32(data: st.DataObject, rounding: Rounding, to: int) -> None:
    scales = [fields["scale"] for fields in data.draw(st.lists(field_values(), min_size=1, max_size=3))]
    halfway = st.builds(
        lambda n, low, d: ((1 << 24 | low) << (n + 1)) + (1 << n) + d,
        st.integers(0, 37),
        st.integers(0, 3),
        st.integers(-1, 1),
    )
    value = values_in(WORD) | halfway | halfway.map(lambda v: -v) | st.integers(-1000, 1000)
    values = np.array([[data.draw(value) for _ in scales] for _ in range(6)], np.int64)
    _check([Float32(scale="scale", rounding=rounding, to=to)], values, [{"scale": scale} for scale in scales])


@given(st.data(), roundings, st.integers(2, 64))
def test_any_word_through_float64(data: st.DataObject, rounding: Rounding, to: int) -> None:
    scales = [fields["scale64"] for fields in data.draw(st.lists(field_values(), min_size=1, max_size=3))]
    halfway = st.builds(
        lambda n, d: ((1 << 53 | 1) << (n + 1)) + (1 << n) + d, st.integers(0, 8), st.integers(-1, 1)
    )
    value = values_in(WORD) | halfway | halfway.map(lambda v: -v) | st.integers(-1000, 1000)
    values = np.array([[data.draw(value) for _ in scales] for _ in range(6)], np.int64)
    _check(
        [Float64(scale="scale64", rounding=rounding, to=to)], values, [{"scale64": scale} for scale in scales]
    )


@given(st.data(), roundings)
def test_any_word_divided(data: st.DataObject, rounding: Rounding) -> None:
    divisors = data.draw(
        st.lists(st.integers(1, 9) | values_in(Interval(1, 2**63 - 1)), min_size=1, max_size=4)
    )
    value = values_in(WORD) | st.integers(-100, 100)
    values = np.array([[data.draw(value) for _ in divisors] for _ in range(6)], np.int64)
    _check([Divide(by="by", rounding=rounding)], values, [{"by": by} for by in divisors])


@pytest.mark.parametrize("rounding", Rounding)
def test_every_small_quotient(rounding: Rounding) -> None:
    values = np.repeat(np.arange(-40, 41, dtype=np.int64)[:, None], 9, axis=1)
    _check([Divide(by="by", rounding=rounding)], values, [{"by": by} for by in range(1, 10)])


@given(digits=st.lists(st.integers(1, 70), min_size=1, max_size=4), rounding=roundings, data=st.data())
def test_significant_bits_of_any_word(digits: list[int], rounding: Rounding, data: st.DataObject) -> None:
    value = values_in(Interval(-(1 << 62), 1 << 62)) | st.integers(-100, 100) | st.just(-(1 << 63))
    values = np.array([[data.draw(value) for _ in digits] for _ in range(6)], np.int64)
    stage = Significant(digits="digits", rounding=rounding)
    _check([stage], values, [{"digits": count} for count in digits])


def test_no_significant_bits_are_refused() -> None:
    with pytest.raises(InputError, match="significant bit"):
        compile_pipeline([Significant(digits="n")], {"n": np.array([3, 0])}, 2)


def test_a_divisor_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="divisor must be positive"):
        compile_pipeline([Divide(by="by", rounding=Rounding.FLOOR)], {"by": np.array([3, 0])}, 2)


def test_conversion_to_float32_rounds_once() -> None:
    """Through float64, 2**60 + 2**36 + 1 would lose its last bit, become a tie and go down."""
    one = 0x3F800000
    values = np.array([[(1 << 60) + (1 << 36) + 1, (1 << 60) + (1 << 36)]], np.int64)
    plan = compile_pipeline([Float32(scale="s", to=64)], {"s": one}, 2)
    assert run(plan, values).tolist() == [[(1 << 60) + (1 << 37), 1 << 60]]


@pytest.mark.parametrize("pattern", [1, 0x007FFFFF, 0x80000001, 0x00800000])
@pytest.mark.parametrize("rounding", Rounding)
def test_scales_below_the_normal_range(pattern: int, rounding: Rounding) -> None:
    values = np.array([[-(1 << 63)], [-1], [0], [1], [(1 << 63) - 1]], np.int64)
    _check([Float32(scale="s", rounding=rounding)], values, [{"s": pattern}])


@given(st.data(), st.integers(1, 64), st.booleans(), st.sampled_from(Overflow))
def test_any_word_into_any_register(data: st.DataObject, bits: int, signed: bool, overflow: Overflow) -> None:
    if overflow is Overflow.WRAP and bits == 64 and not signed:
        signed = True  # a wrapped u64 is no int64: refused, tested below
    values = np.array([[data.draw(values_in(WORD))] for _ in range(6)], np.int64)
    _check([Add(operand=0, bits=bits, signed=signed, overflow=overflow)], values, [{}])
    to = Saturate if overflow is Overflow.SATURATE else Wrap
    _check([to(to=bits, to_signed=signed)], values, [{}])


def test_an_event_of_stage_and_register_counts_once() -> None:
    values = np.array([[1000], [-1000], [3], [100]], np.int64)
    stage = Saturate(to=8, bits=4, overflow=Overflow.SATURATE)
    _check([stage], values, [{}])
    events = EventCounts(1)
    run(compile_pipeline([stage], {}, 1), values, events, base_index=40)
    assert events.count(0, Event.SATURATED_HIGH) == 2
    assert events.first_index(0, Event.SATURATED_HIGH) == 40
    assert events.first_index(0, Event.SATURATED_LOW) == 41
    assert events.first_index(0, Event.WRAPPED) is None


def test_crossed_clamp_bounds_follow_the_spec() -> None:
    values = np.arange(-3, 12, dtype=np.int64).reshape(-1, 1)
    _check([Clamp(low=6, high=2)], values, [{}])


def test_shift_left_to_the_words_end() -> None:
    values = np.array([[1, -1, 0, -1, 1]], np.int64)
    _check([ShiftLeft(by="n")], values, [{"n": n} for n in (62, 63, 200, 62, 0)])


@pytest.mark.parametrize("rows", [1, 72, 73, 74, 147])
@pytest.mark.parametrize("channels", [1, 7, 511, 512, 513])
def test_chunks_of_every_length(rows: int, channels: int) -> None:
    """Rows go through in chunks of 512 values or one row: none is missed, none taken twice."""
    random = np.random.default_rng(rows * channels)
    values = random.integers(-(1 << 30), 1 << 30, (rows, channels))
    by, low = random.integers(1, 9, channels), random.integers(-99, 0, channels)
    stages = [Multiply(by="by"), ShiftRight(by=(20,), rounding=Rounding.FLOOR), Clamp(low="low", high=3000)]
    plan = compile_pipeline(stages, {"by": by, "low": low}, channels)
    events = EventCounts(3)
    expected = np.clip((values * by) >> 20, low, 3000)
    np.testing.assert_array_equal(run(plan, values.copy(), events), expected)
    below, above = (values * by) >> 20 < low, (values * by) >> 20 > 3000
    for mask, event in ((below, Event.SATURATED_LOW), (above, Event.SATURATED_HIGH)):
        found = np.flatnonzero(mask)
        assert events.count(2, event) == found.size
        assert events.first_index(2, event) == (found[0] if found.size else None)


def test_parts_merge_to_the_whole() -> None:
    values = np.arange(-600, 600, dtype=np.int64).reshape(-1, 2)
    plan = compile_pipeline([ShiftRight(by=(3,), rounding=Rounding.HALF_EVEN), Saturate(to=6)], {}, 2)
    whole = EventCounts(2)
    run(plan, values.copy(), whole)
    parts = EventCounts(2)
    for start in (400, 0, 100):  # out of order
        stop = {0: 100, 100: 400, 400: 600}[start]
        part = EventCounts(2)
        run(plan, values[start:stop].copy(), part, base_index=2 * start)
        parts.merge(part)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    np.testing.assert_array_equal(parts.first, whole.first)
    assert whole.counts.sum() > 0


@pytest.mark.parametrize(
    ("stage", "fields", "words"),
    [
        (Multiply(by="multiplier"), {}, "multiplier"),
        (Multiply(by="m"), {"m": np.array([1, 2, 3])}, "one for each of 2 channels"),
        (Multiply(by="m"), {"m": np.array([1.0, 2.0])}, "64-bit integers"),
        (Add(operand=1 << 63), {}, "64-bit word"),
        (Add(operand="-z"), {"z": -(1 << 63)}, "negative leaves"),
        (ShiftRight(by=("a", "b"), rounding=Rounding.FLOOR), {"a": 3, "b": -4}, "a \\+ b.*negative total"),
        (Table(index_bits=4), {"table": np.zeros(15, np.int64)}, "16 entries"),
        (Wrap(to=64, to_signed=False), {}, "leaves the 64-bit word"),
        (Clamp(low=0, high=1), {"activation": 4}, "activation bounds"),
    ],
)
def test_what_cannot_be_computed_is_refused(stage: BaseStage, fields: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        compile_pipeline([stage], fields, 2)


def test_an_address_outside_a_table_is_refused() -> None:
    plan = compile_pipeline([Table(index_bits=2)], {"table": np.arange(4)}, 1)
    assert run(plan, np.array([[-2], [1]], np.int64)).tolist() == [[0], [3]]
    for beyond in (-3, 2):
        with pytest.raises(InputError, match="1 values"):
            run(plan, np.array([[0], [beyond]], np.int64))


def test_values_that_cannot_be_changed_in_place_are_refused() -> None:
    plan = compile_pipeline([Add(operand=1)], {}, 2)
    fixed = np.zeros((3, 2), np.int64)
    fixed.flags.writeable = False
    for values in (
        np.zeros((3, 2), np.int32),
        np.zeros((3, 3), np.int64),
        np.zeros((2, 3), np.int64).T,
        fixed,
    ):
        with pytest.raises(ValueError, match="values"):
            run(plan, values)
