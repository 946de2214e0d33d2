"""The interpreter: stages in order, each with its value, its events and its range."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach, run
from npusim.spec.stages import Fields
from npusim.spec.width import Width
from tests.strategies import RANGES, field_values, pipelines, values_in


@given(data=st.data(), bits=st.integers(4, 40), fields=field_values())
def test_a_pipeline_is_its_stages_one_after_the_other(data: st.DataObject, bits: int, fields: Fields) -> None:
    entering = Interval.of(Width(bits))
    pipeline = data.draw(pipelines(entering))
    value = data.draw(values_in(entering))
    trace = run(pipeline, value, fields)
    assert trace.result == trace.values[-1]
    for stage, result, events in zip(pipeline, trace.values, trace.events, strict=True):
        assert (result, events) == stage.apply(value, fields)
        value = result


@given(data=st.data(), bits=st.integers(4, 40), fields=field_values())
def test_derived_ranges_hold_at_every_stage(data: st.DataObject, bits: int, fields: Fields) -> None:
    entering = Interval.of(Width(bits))
    pipeline = data.draw(pipelines(entering))
    trace = run(pipeline, data.draw(values_in(entering)), fields)
    for value, interval in zip(trace.values, reach(pipeline, entering, RANGES), strict=True):
        assert value in interval
