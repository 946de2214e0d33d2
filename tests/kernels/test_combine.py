"""Elementwise add, sub and mul against the spec, fused and stage by stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.kernels.combine import CombinationEvents, combine_codes, fuse_combination
from npusim.kernels.events import EventCounts
from npusim.kernels.pipeline import compile_pipeline
from npusim.spec.elementwise import Combination, combine
from npusim.spec.events import Event
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Clamp, Multiply, Saturate, ShiftRight
from npusim.spec.width import Overflow
from tests.kernels.strategies_kernels import CODE_TYPES, codes
from tests.strategies import roundings

OPERAND = (Add(operand="-x_zero"), Multiply(by="multiplier"))
combinations = st.sampled_from(Combination)


@given(st.data(), combinations, roundings, st.sampled_from(CODE_TYPES), st.booleans())
def test_combinations_equal_the_spec(
    data: st.DataObject, combination: Combination, rule: Rounding, dtype: type, fusible: bool
) -> None:
    limits = np.iinfo(dtype)
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    a, b = (data.draw(codes(dtype, shape)) for _ in range(2))
    zero = st.integers(int(limits.min), int(limits.max))
    most = 200 if combination is Combination.PRODUCT else 65535
    multiplier = st.integers(-most, most)
    operand_fields = tuple({"x_zero": data.draw(zero), "multiplier": data.draw(multiplier)} for _ in range(2))
    low, high = sorted(data.draw(st.tuples(zero, zero)))
    fields = {"shift": data.draw(st.integers(0, 50)), "y_zero": data.draw(zero), "low": low, "high": high}
    register: dict[str, Any] = {} if fusible else {"bits": 30, "overflow": Overflow.WRAP}
    result = (
        ShiftRight(by=("shift",), rounding=rule, **register),
        Add(operand="y_zero"),
        Clamp(low="low", high="high"),
    )
    first, second = (compile_pipeline(OPERAND, one, shape[1]) for one in operand_fields)
    plan = compile_pipeline(result, fields, shape[1])
    spec = [
        combine(combination, (int(p), int(q)), OPERAND, operand_fields, result, fields)
        for p, q in zip(a.reshape(-1), b.reshape(-1), strict=True)
    ]
    expected = [one.result.result for one in spec]
    fused = fuse_combination(combination, (first, second), plan, (a.dtype, b.dtype), np.dtype(dtype))
    assert (fused is not None) == fusible
    events = CombinationEvents((EventCounts(2), EventCounts(2)), EventCounts(3))
    for wanted in (None, events):
        made = combine_codes(combination, (first, second), plan, (a, b), dtype, wanted)
        assert made.dtype == dtype
        assert made.reshape(-1).tolist() == expected
    for event in Event:
        happened = [index for index, one in enumerate(spec) if event in one.result.events[0]]
        assert events.result.count(0, event) == len(happened)
        assert events.result.first_index(0, event) == (happened[0] if happened else None)


@pytest.mark.parametrize("pixels", [1, 170, 171, 172])
@pytest.mark.parametrize("combination", Combination)
def test_every_length(pixels: int, combination: Combination) -> None:
    """Chunks are 510 values: 170 rows of three channels."""
    random = np.random.default_rng(pixels)
    a, b = (random.integers(-128, 128, (pixels, 3)).astype(np.int8) for _ in range(2))
    fields = [{"x_zero": -3, "multiplier": np.array([40000, 1, 7])}, {"x_zero": 7, "multiplier": 50001}]
    first, second = (compile_pipeline(OPERAND, one, 3) for one in fields)
    stages = [Multiply(by=3), ShiftRight(by=(17,), rounding=Rounding.HALF_UP), Saturate(to=8)]
    wide = [(a.astype(np.int64) + 3) * [40000, 1, 7], (b.astype(np.int64) - 7) * 50001]
    exact = {"sum": wide[0] + wide[1], "difference": wide[0] - wide[1], "product": wide[0] * wide[1]}
    expected = np.clip((exact[combination.value] * 3 + (1 << 16)) >> 17, -128, 127)
    made = combine_codes(combination, (first, second), compile_pipeline(stages, {}, 3), (a, b), np.int8)
    np.testing.assert_array_equal(made, expected)


def test_what_may_leave_the_word_is_not_fused() -> None:
    a = np.full((1, 1), 127, np.int8)
    result = compile_pipeline([ShiftRight(by=(40,), rounding=Rounding.FLOOR), Saturate(to=8)], {}, 1)

    def fused(combination: Combination, addend: int, factor: int) -> bool:
        plan = compile_pipeline([Add(operand=addend), Multiply(by=factor)], {}, 1)
        types = (a.dtype, a.dtype)
        return fuse_combination(combination, (plan, plan), result, types, np.dtype(np.int8)) is not None

    word = (1 << 31) - 1
    assert fused(Combination.SUM, 0, word)
    assert not fused(Combination.SUM, word, word)
    assert fused(Combination.PRODUCT, 0, (1 << 24) - 1)
    assert not fused(Combination.PRODUCT, 0, 1 << 24)
    assert fused(Combination.SUM, 0, -(1 << 31))
    assert not fused(Combination.DIFFERENCE, 0, -(1 << 31))  # its negative is no int32
