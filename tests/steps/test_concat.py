"""W7: the concat step copies, or rescales as the spec does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import Datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.spec.pipeline import run
from npusim.steps.concat import ConcatStep
from npusim.steps.pipelines import stage_points
from tests.steps.one_step import EVEN, WES, Codes, Expected, one_step, run_step
from tests.steps.strategies import CODE, MULTIPLIER, SHIFT, bounds, codes

FIELDS = {"x_zero": 0, "multiplier": 32768, "shift": 15, "y_zero": 0, "low": -128, "high": 127}


def step(**changes: Any) -> ConcatStep:
    content = {"name": "cat", "inputs": ("a", "b"), "output": "y", "operand_fields": (None, FIELDS)}
    return ConcatStep(**{**content, **changes})


@st.composite
def cases(draw: st.DrawFn) -> tuple[ConcatStep, list[Codes]]:
    count, axis = draw(st.integers(1, 3)), draw(st.integers(-3, 2))
    shape = draw(st.tuples(*[st.integers(1, 3)] * 3))
    inputs = []
    fields: list[dict[str, int] | None] = []
    for _ in range(count):
        own = list(shape)
        own[axis] = draw(st.integers(1, 4))
        inputs.append(draw(codes((2, *own))))
        low, high = draw(bounds())
        rescale = {
            "x_zero": draw(CODE),
            "multiplier": draw(MULTIPLIER),
            "shift": draw(SHIFT),
            "y_zero": draw(CODE),
            "low": low,
            "high": high,
        }
        fields.append(draw(st.sampled_from([None, rescale])))
    names = tuple("abc"[:count])
    return step(inputs=names, axis=axis, operand_fields=tuple(fields)), inputs


def expected(made: ConcatStep, inputs: list[Codes], datapath: Datapath) -> Expected:
    says = Expected()
    axis = made.axis + 1 if made.axis >= 0 else made.axis
    # Where each value of each input goes: its flat position in the output.
    sizes = np.cumsum([x.shape[axis] for x in inputs])[:-1]
    joined = np.concatenate(inputs, axis=axis)
    flat = np.arange(joined[0].size).reshape(joined[:1].shape)
    homes = np.split(np.broadcast_to(flat, joined.shape), sizes, axis=axis)
    out = np.zeros_like(joined, np.int64).reshape(len(joined), -1)
    for index, (x, fields, home) in enumerate(zip(inputs, made.operand_fields, homes, strict=True)):
        for image in range(len(x)):
            for code, place in zip(x[image].flat, home[image].flat, strict=True):
                if fields is None:
                    out[image, place] = code
                    continue
                trace = run(made.stages(datapath), int(code), fields)
                points = stage_points(made.stages(datapath), f"operand_{index}.")
                out[image, place] = says.trace(trace, points, image, int(place))
    for value in out.flat:
        says.value("output", int(value))
    return says


@settings(max_examples=80, deadline=None)
@given(cases(), st.sampled_from([WES, EVEN]))
def test_equals_the_spec(case: tuple[ConcatStep, list[Codes]], datapath: Datapath) -> None:
    made, inputs = case
    expected(made, inputs, datapath).check(run_step(made, inputs, datapath), made)


def test_copies_need_no_pipeline() -> None:
    data = WES.model_dump(mode="json", exclude_none=True)
    del data["pipelines"]["concat"]
    bare = type(WES).model_validate(data)
    a = np.array([[1, 2]], np.int8)
    made = step(operand_fields=(None, None))
    np.testing.assert_array_equal(run_step(made, [a, a], bare).outputs["y"], [[1, 2, 1, 2]])
    with pytest.raises(InputError, match="no concat pipeline"):
        one_step(step(), [(2,), (2,)], bare)


def test_per_channel_fields_are_those_of_the_input() -> None:
    channelwise = change_datapath(WES, {"fields.multiplier.per": "channel"}, "channelwise")
    made = step(operand_fields=(None, {**FIELDS, "multiplier": np.array([32768, 65535])}))
    inputs = [np.array([[5]], np.int8), np.array([[5, 5]], np.int8)]
    assert run_step(made, inputs, channelwise).outputs["y"].tolist() == [[5, 5, 10]]


@pytest.mark.parametrize(
    ("changes", "shapes", "key"),
    [
        ({"operand_fields": (None,)}, [(2, 2, 1)] * 2, "operand_fields"),
        ({"operand_fields": (None, {"shift": 3})}, [(2, 2, 1)] * 2, "operand_fields[1].x_zero"),
        ({"operand_fields": (None, {**FIELDS, "low": -129})}, [(2, 2, 1)] * 2, "operand_fields[1].low"),
        ({"axis": 3}, [(2, 2, 1)] * 2, "axis"),
        ({"axis": -4}, [(2, 2, 1)] * 2, "axis"),
        ({}, [(2, 2, 1), (2, 3, 1)], "inputs[1]"),
        ({}, [(2, 2, 1), (4,)], "inputs[1]"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], shapes: list, key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step(**changes), shapes)
    assert caught.value.key == f"steps[0].{key}"


def test_nothing_to_concatenate_is_refused() -> None:
    with pytest.raises(InputError, match="nothing"):
        step(inputs=(), operand_fields=()).output_type([], WES)
