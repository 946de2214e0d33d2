"""Events told from values alone: what the spec's pipelines cause, or nothing is told."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npusim.kernels.event_plan import event_plan
from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.records import COUNT, FIRST, HIGHEST, LOWEST, of_nothing
from npusim.kernels.tell import teller
from npusim.spec.activation import ActivationBounds
from npusim.spec.events import Event
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftLeft, ShiftRight, Wrap
from npusim.spec.width import Overflow
from tests.kernels.reference import SpecRun, columns_of
from tests.strategies import roundings

REACH = 3000
FIELDS = st.fixed_dictionaries(
    {
        "m": st.sampled_from([0, 1, 3, 256, 40001, 1 << 15, (1 << 31) - 1]),
        "left": st.integers(0, 2),
        "n": st.integers(0, 32) | st.sampled_from([40, 62, 63, 64, 65, 100]),
        "again": st.integers(0, 12),
        "zero": st.integers(-20, 20),
        "low": st.integers(-128, 0),
        "high": st.integers(0, 127),
    }
)


def _told(stages: list[BaseStage], values: np.ndarray, fields: list) -> EventCounts | None:
    """As the interpreter counts them; None if the list is not told."""
    plan = compile_pipeline(stages, columns_of(fields), values.shape[1])
    how = event_plan(plan, REACH)
    if how is None:
        return None
    record = of_nothing()
    flat, cut = values.reshape(-1), values.shape[1]
    lay = teller(how, plan.wide.shape[1])
    lay.tell(flat[:cut].astype(np.int32), record, 0)  # in two parts, of both types
    lay.tell(flat[cut:], record, cut)
    assert (record[LOWEST], record[HIGHEST]) == (flat.min(), flat.max())
    found = EventCounts(len(stages))
    for index, (stage, event) in enumerate(how.kinds):
        kind = KINDS.index(event)
        found.counts[stage, kind] += record[COUNT + index]
        found.first[stage, kind] = min(found.first[stage, kind], record[FIRST + index])
    return found


@given(st.data(), roundings, roundings)
def test_whatever_is_told_is_what_the_spec_says(data: st.DataObject, one: Rounding, two: Rounding) -> None:
    channels = data.draw(st.integers(1, 3))
    flagged = {"activation": data.draw(st.sampled_from(ActivationBounds))}
    fields = [{**data.draw(FIELDS), **flagged} for _ in range(channels)]
    left: list[BaseStage] = [ShiftLeft(by="left", bits=32, overflow=Overflow.WRAP)]
    again: list[BaseStage] = [ShiftRight(by=("again",), rounding=two)]
    stages = [
        *(left if data.draw(st.booleans()) else []),
        Multiply(by="m"),
        ShiftRight(by=("n",), rounding=one),
        *(again if data.draw(st.booleans()) else []),
        Add(operand="zero"),
        Clamp(low="low", high="high"),
    ]
    value = st.integers(-REACH, REACH) | st.sampled_from([-REACH, -1, 0, 1, REACH])
    values = np.array([[data.draw(value) for _ in range(channels)] for _ in range(4)], np.int64)
    told = _told(stages, values, fields)
    if told is not None:
        expected = SpecRun(stages, values, fields).events
        np.testing.assert_array_equal(told.counts, expected.counts)
        np.testing.assert_array_equal(told.first, expected.first)


SHIFT, AGAIN = (ShiftRight(by=(n,), rounding=Rounding.HALF_UP) for n in (20, 5))
CLAMP = Clamp(low=-100, high=90)


def _tells(*stages: BaseStage, reach: int = REACH) -> bool:
    return event_plan(compile_pipeline(stages, {}, 2), reach) is not None


def test_which_lists_are_told() -> None:
    assert _tells(Multiply(by=40001), SHIFT, Add(operand=3), CLAMP)
    assert _tells(Multiply(by=1 << 30), SHIFT, AGAIN, CLAMP)
    assert _tells(SHIFT, CLAMP, reach=(1 << 31) - 2)
    assert not _tells(SHIFT, CLAMP, reach=(1 << 31) - 1)  # the clamp's thresholds may leave int32
    assert not _tells(Multiply(by=-3), SHIFT, CLAMP)  # falling: the clamp acts on the other side
    assert not _tells(Multiply(by=1 << 31), SHIFT, CLAMP)
    assert not _tells(Multiply(by=3), SHIFT)
    assert not _tells(Add(operand=3), SHIFT, CLAMP)
    assert not _tells(SHIFT, AGAIN, SHIFT, CLAMP)
    assert not _tells(ShiftRight(by=(20,), rounding=Rounding.HALF_EVEN), AGAIN, CLAMP)
    assert not _tells(Multiply(by=1 << 30), ShiftRight(by=(4,), rounding=Rounding.FLOOR), AGAIN, CLAMP)
    assert _tells(Multiply(by=3), Wrap(to=14), SHIFT, CLAMP, reach=2730)
    assert not _tells(Multiply(by=3), Wrap(to=14), SHIFT, CLAMP, reach=2731)  # 3 * 2731 wraps


def test_a_second_shift_may_lose_all_bits_but_the_sign() -> None:
    last = ShiftRight(by=(31,), rounding=Rounding.HALF_AWAY)
    stages = [Multiply(by=1 << 30), ShiftRight(by=(11,), rounding=Rounding.HALF_UP), last, CLAMP]
    values = np.array([[-REACH, -2049, -2048, -2047, -1, 0, 1, 2047, 2048, 2049, REACH]], np.int64).T
    told, expected = _told(stages, values, [{}]), SpecRun(stages, values, [{}]).events
    assert told is not None
    assert expected.counts[2, KINDS.index(Event.TIE)] == 2
    np.testing.assert_array_equal(told.counts, expected.counts)
    np.testing.assert_array_equal(told.first, expected.first)
