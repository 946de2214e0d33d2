"""The fused rescale: equal to the spec where it runs, and not run where it is not proven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.kernels.events import EventCounts
from npusim.kernels.pipeline import compile_pipeline, run
from npusim.kernels.rescale import fits, recognise, rescale
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, Saturate, ShiftLeft, ShiftRight
from npusim.spec.width import Overflow, Width
from tests.kernels.exact_shift import exact_shift
from tests.kernels.reference import SpecRun, columns_of
from tests.strategies import roundings, values_in

COMMON = (
    Multiply(by="multiplier"),
    ShiftRight(by=("shift", "inverse_shift"), rounding=Rounding.HALF_UP),
    Add(operand="y_zero"),
    Clamp(low="low", high="high"),
)


@st.composite
def common_lists(draw: st.DrawFn) -> tuple[BaseStage, ...]:
    """The common list with any rule, its optional stages left out or not, a clamp or a saturation."""
    stages: list[BaseStage] = [ShiftRight(by=("shift", "inverse_shift"), rounding=draw(roundings))]
    if draw(st.booleans()):
        stages.insert(0, Multiply(by=draw(st.sampled_from(["multiplier", "-multiplier", 3]))))
    if draw(st.booleans()):
        stages.append(Add(operand=draw(st.sampled_from(["y_zero", "-y_zero", 5]))))
    stages.append(draw(st.sampled_from([Clamp(low="low", high="high"), Saturate(to=7)])))
    return tuple(stages)


@given(st.data(), common_lists(), st.sampled_from([np.int32, np.int64]), st.sampled_from([np.int8, np.int16]))
def test_the_common_list_equals_the_spec(
    data: st.DataObject, stages: tuple[BaseStage, ...], word: type, out: type
) -> None:
    bits = data.draw(st.sampled_from([8, 17, 32, 46]) if word is np.int64 else st.just(32))
    channels, rows = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    shift = st.integers(0, 63) | st.integers(0, 12)
    fields = []
    for _ in range(channels):
        low, high = sorted(data.draw(st.tuples(*[st.integers(-128, 127)] * 2)))
        drawn = {"low": low, "high": high, "shift": data.draw(shift)}
        drawn["multiplier"] = data.draw(values_in(Interval.of(Width(16, signed=False))))
        drawn["inverse_shift"] = data.draw(st.integers(0, 15))
        drawn["y_zero"] = data.draw(st.integers(-128, 127))
        fields.append(drawn)
    value = values_in(Interval.of(Width(bits)))
    values = np.array([[data.draw(value) for _ in range(channels)] for _ in range(rows)], np.int64)
    plan = compile_pipeline(stages, columns_of(fields), channels)
    fused = recognise(plan)
    assert fused is not None
    assert fits(fused, 1 << (bits - 1), np.dtype(out))
    codes = rescale(plan, values.astype(word), out, bits=bits)
    assert codes.dtype == out
    np.testing.assert_array_equal(codes, SpecRun(stages, values, fields).after[-1])


@st.composite
def two_shifts(draw: st.DrawFn) -> tuple[BaseStage, ...]:
    """gemmlowp's double rounding and its kin: a left shift, a first rounding, registers on the way."""
    bits_alone = st.sampled_from([Rounding.FLOOR, Rounding.HALF_UP, Rounding.HALF_DOWN, Rounding.CEIL])
    stages: list[BaseStage] = [Multiply(by="multiplier")]
    stages.append(ShiftRight(by=("first",), rounding=draw(bits_alone)))
    stages.append(ShiftRight(by=("second",), rounding=draw(roundings)))
    if draw(st.booleans()):
        stages.insert(0, ShiftLeft(by="left", bits=32, overflow=draw(st.sampled_from(Overflow))))
    if draw(st.booleans()):
        stages.append(Saturate(to=draw(st.sampled_from([32, 20]))))
    return (*stages, Add(operand="y_zero"), Clamp(low="low", high="high"))


@given(st.data(), two_shifts())
def test_two_shifts_equal_the_spec(data: st.DataObject, stages: tuple[BaseStage, ...]) -> None:
    channels, rows = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6))
    fields = []
    for _ in range(channels):
        drawn = {"low": -100, "high": 120, "y_zero": data.draw(st.integers(-128, 127))}
        drawn["multiplier"] = data.draw(st.integers(0, (1 << 31) - 1) | st.sampled_from([1 << 30, 3, 1]))
        drawn["first"] = data.draw(st.sampled_from([31, 31, 4, 0]))
        drawn["second"] = data.draw(st.integers(0, 31) | st.integers(0, 3))
        drawn["left"] = data.draw(st.sampled_from([0, 0, 1, 7, 31]))
        fields.append(drawn)
    plan = compile_pipeline(stages, columns_of(fields), channels)
    fused = recognise(plan)
    if fused is None:
        by_last = any(
            isinstance(stage, ShiftRight) and stage.rounding in {Rounding.HALF_EVEN, Rounding.HALF_ODD}
            for stage in stages
        )
        lifted = isinstance(stages[0], ShiftLeft)
        assert by_last or lifted or isinstance(stages[-3], Saturate)
        return
    greatest = min(fused.limit, (1 << 31) - 1)
    value = values_in(Interval(-greatest, greatest))
    ties = st.integers(-8, 8).map(lambda n: max(-greatest, min(greatest, (2 * n + 1) << 2)))
    values = np.array([[data.draw(value | ties) for _ in range(channels)] for _ in range(rows)], np.int64)
    bits = greatest.bit_length() + 1
    proven = fits(fused, greatest, np.dtype(np.int8))
    assert proven
    codes = rescale(plan, values.astype(np.int32), np.int8, bits=bits)
    np.testing.assert_array_equal(codes, SpecRun(stages, values, fields).after[-1])


def test_double_rounding_is_one_shift_for_every_small_sum() -> None:
    """Every sum of 17 bits, at shifts where signs, ties and both roundings meet."""
    values = np.arange(-(1 << 16), 1 << 16, dtype=np.int32).reshape(-1, 1)
    for multiplier, second in ((1 << 30, 1), (1 << 30, 3), (3 << 29, 2), ((1 << 31) - 1, 0), (1518500250, 9)):
        stages = (
            Multiply(by=multiplier),
            ShiftRight(by=(31,), rounding=Rounding.HALF_UP),
            ShiftRight(by=(second,), rounding=Rounding.HALF_AWAY),
            Clamp(low=-(1 << 15), high=(1 << 15) - 1),
        )
        plan = compile_pipeline(stages, {}, 1)
        assert recognise(plan) is not None
        made = rescale(plan, values, np.int16)
        inner = exact_shift(values.astype(np.int64) * multiplier, 31, Rounding.HALF_UP)
        expected = exact_shift(inner, second, Rounding.HALF_AWAY)
        np.testing.assert_array_equal(made, np.clip(expected, -(1 << 15), (1 << 15) - 1))


def test_the_proofs_edge() -> None:
    """One accumulator bit more than the product has room for, and the fused kernel does not run."""
    for rule in Rounding:
        stages = [Multiply(by=1 << 20), ShiftRight(by=(62,), rounding=rule), Saturate(to=8)]
        plan = compile_pipeline(stages, {}, 1)
        fused = recognise(plan)
        assert fused is not None
        assert fits(fused, 1 << 41, np.dtype(np.int8))
        assert not fits(fused, 1 << 42, np.dtype(np.int8))
        for bits in (42, 43):
            ends = np.array([[-(1 << (bits - 1))], [(1 << (bits - 1)) - 1], [-1], [0], [1]], np.int64)
            spec = SpecRun(stages, ends, [{}]).after[-1]
            np.testing.assert_array_equal(rescale(plan, ends, np.int8, bits=bits), spec)


@pytest.mark.parametrize(
    "stages",
    [
        (Multiply(by=3), Saturate(to=8)),
        (Add(operand=1), *COMMON),
        (*COMMON, Clamp(low=0, high=1)),
        (COMMON[1], COMMON[0], COMMON[3]),
        (Multiply(by="multiplier", bits=20, overflow=Overflow.WRAP), *COMMON[1:]),
        (Multiply(by=1 << 31), *COMMON[1:]),
    ],
)
def test_other_lists_are_not_fused_but_right(stages: tuple[BaseStage, ...]) -> None:
    fields = {"multiplier": 40000, "shift": 20, "inverse_shift": 2, "y_zero": -3, "low": -128, "high": 127}
    plan = compile_pipeline(stages, fields, 1)
    assert recognise(plan) is None
    values = np.arange(-50000, 50000, 641, dtype=np.int64).reshape(-1, 1)
    if stages[-1] is COMMON[3] or isinstance(stages[-1], Saturate | Clamp):
        np.testing.assert_array_equal(
            rescale(plan, values.astype(np.int32), np.int8), SpecRun(stages, values, [fields]).after[-1]
        )


@pytest.mark.parametrize("pixels", [1, 7, 8, 9, 63, 64, 65, 512, 513])
@pytest.mark.parametrize("out", [np.int8, np.uint8, np.int16])
def test_fused_equals_generic_for_every_length(pixels: int, out: type) -> None:
    random = np.random.default_rng(pixels)
    limits = np.iinfo(out)
    for channels in (1, 3, 64, 520):
        fields = {
            "multiplier": random.integers(1 << 15, 1 << 16, channels),
            "shift": 25,
            "inverse_shift": random.integers(0, 4, channels),
            "y_zero": 3,
            "low": int(limits.min),
            "high": int(limits.max),
        }
        plan = compile_pipeline(COMMON, fields, channels)
        values = random.integers(-(1 << 31), 1 << 31, (pixels, channels)).astype(np.int32)
        expected = run(plan, values.astype(np.int64))
        np.testing.assert_array_equal(rescale(plan, values, out), expected)
        np.testing.assert_array_equal(rescale(plan, values, out, EventCounts(4)), expected)


def test_a_result_outside_the_codes_is_refused() -> None:
    plan = compile_pipeline([ShiftRight(by=(1,), rounding=Rounding.FLOOR), Clamp(low=-200, high=200)], {}, 1)
    assert rescale(plan, np.array([[255]], np.int32), np.int8).tolist() == [[127]]
    with pytest.raises(InputError, match="does not fit int8"):
        rescale(plan, np.array([[256]], np.int32), np.int8)
