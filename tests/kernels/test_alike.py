"""Events told from sums where channels are alike: what the spec's pipelines cause, or nothing is told."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.kernels.alike import count_sums, marks_of
from npusim.kernels.emit.count_alike import STRETCH
from npusim.kernels.event_plan import event_plan
from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.records import COUNT, FIRST, of_nothing
from npusim.spec.activation import ActivationBounds
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftRight
from tests.kernels.reference import SpecRun
from tests.kernels.test_tell import FIELDS, REACH
from tests.strategies import roundings

CUTS = st.integers(1, 5) | st.sampled_from([STRETCH - 1, STRETCH, STRETCH + 1, 2 * STRETCH + 3])


@settings(max_examples=60)
@given(st.data(), roundings, roundings)
def test_whatever_is_told_is_what_the_spec_says(data: st.DataObject, one: Rounding, two: Rounding) -> None:
    fields = {**data.draw(FIELDS), "activation": data.draw(st.sampled_from(ActivationBounds))}
    again: list[BaseStage] = [ShiftRight(by=("again",), rounding=two)]
    stages = [
        Multiply(by="m"),
        ShiftRight(by=("n",), rounding=one),
        *(again if data.draw(st.booleans()) else []),
        Add(operand="zero"),
        Clamp(low="low", high="high"),
    ]
    plan = event_plan(compile_pipeline(stages, fields, 3), REACH)
    if plan is None:
        return
    marks = marks_of(plan)
    assert marks is not None
    value = st.integers(-REACH, REACH) | st.sampled_from([-REACH, -1, 0, 1, REACH])
    drawn = data.draw(st.lists(value, min_size=1, max_size=5))
    cut, size = data.draw(CUTS), 3 * STRETCH
    sums = np.resize(np.array(drawn, np.int32), size)
    sums[data.draw(st.integers(0, size - 1))] = data.draw(value)
    record = of_nothing()
    for begin, end in ((0, cut), (cut, size)):
        count_sums(sums[begin:end], marks, len(plan.kinds), begin, end, record)
    expected = SpecRun(stages, sums.astype(np.int64)[:, np.newaxis], [fields]).events
    found = EventCounts(len(stages))
    for index, (stage, event) in enumerate(plan.kinds):
        kind = KINDS.index(event)
        found.counts[stage, kind] += record[COUNT + index]
        found.first[stage, kind] = min(found.first[stage, kind], record[FIRST + index])
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.first, expected.first)


def test_channels_that_differ_are_left_to_others() -> None:
    stages = (ShiftRight(by=("n",), rounding=Rounding.HALF_UP), Clamp(low=-9, high=9))
    for shifts, alike in (([4, 4], True), ([4, 5], False)):
        plan = event_plan(compile_pipeline(stages, {"n": np.array(shifts)}, 2), REACH)
        assert plan is not None
        assert (marks_of(plan) is not None) == alike
