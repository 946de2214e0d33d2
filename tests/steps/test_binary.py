"""W5: add, sub and mul steps equal the spec in bits, taps and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import Datapath
from npusim.errors import InputError
from npusim.spec.elementwise import combine
from npusim.steps.add import AddStep
from npusim.steps.binary import BinaryStep
from npusim.steps.fields import Activation
from npusim.steps.mul import MulStep
from npusim.steps.pipelines import stage_points
from npusim.steps.sub import SubStep
from tests.steps.one_step import CHANNELWISE, EVEN, WES, Codes, Expected, one_step, run_step
from tests.steps.strategies import CODE, MULTIPLIER, SHIFT, bounds, codes, image_shapes

FIELDS = {"shift": 16, "y_zero": 0, "low": -128, "high": 127}
OPERAND = {"x_zero": 0, "multiplier": 40000}


def step(**changes: Any) -> AddStep:
    content = {
        "name": "sum",
        "inputs": ("a", "b"),
        "output": "y",
        "operand_fields": (OPERAND, OPERAND),
        "fields": FIELDS,
    }
    return AddStep(**{**content, **changes})


@st.composite
def steps(draw: st.DrawFn) -> BinaryStep:
    kind = draw(st.sampled_from([AddStep, SubStep, MulStep]))
    low, high = draw(bounds())
    operands = [{"x_zero": draw(CODE)} for _ in range(2)]
    fields = {"shift": draw(SHIFT), "y_zero": draw(CODE), "low": low, "high": high}
    for registers in [fields] if kind is MulStep else operands:
        registers["multiplier"] = draw(MULTIPLIER)
    content = step(operand_fields=operands, fields=fields, activation=draw(st.sampled_from(Activation)))
    return kind(**content.model_dump(exclude={"step"}))


def channel(fields: Mapping[str, Any], index: int) -> dict[str, int]:
    return {name: int(value if np.ndim(value) == 0 else value[index]) for name, value in fields.items()}


def expected(made: BinaryStep, a: Codes, b: Codes, datapath: Datapath) -> Expected:
    says = Expected()
    operand, result = made.operand_stages(datapath), made.result_stages(datapath)
    for image in range(len(a)):
        both = np.broadcast_arrays(a[image], b[image])
        for flat, pair in enumerate(zip(both[0].ravel().tolist(), both[1].ravel().tolist(), strict=True)):
            c = flat % a.shape[-1]
            fields = channel(made.fields, c) | {"activation": int(made.activation.bounds)}
            operands = [channel(found, c) for found in made.operand_fields]
            found = combine(made.combination, pair, operand, tuple(operands), result, fields)
            for index, trace in enumerate(found.operands):
                says.trace(trace, stage_points(operand, f"operand_{index}."), image, flat)
            says.value(made.combination.value, found.exact)
            says.value("output", says.trace(found.result, stage_points(result), image, flat))
    return says


@settings(max_examples=60, deadline=None)
@given(st.data(), steps(), st.sampled_from([WES, EVEN]))
def test_equals_the_spec(data: st.DataObject, made: AddStep, datapath: Datapath) -> None:
    shape = (data.draw(st.integers(1, 3)), *data.draw(image_shapes()))
    a, b = data.draw(codes(shape)), data.draw(codes(shape))
    expected(made, a, b, datapath).check(run_step(made, [a, b], datapath), made)


@settings(max_examples=20, deadline=None)
@given(st.lists(MULTIPLIER, min_size=3, max_size=3), codes((2, 2, 2, 3)), codes((2, 2, 2, 3)))
def test_channels_with_multipliers_of_their_own(multipliers: list[int], a: Codes, b: Codes) -> None:
    made = step(operand_fields=({"x_zero": 3, "multiplier": np.array(multipliers)}, OPERAND))
    expected(made, a, b, CHANNELWISE).check(run_step(made, [a, b], CHANNELWISE), made)


def test_a_tensor_added_to_itself() -> None:
    made = step(inputs=("a", "a"))
    a = np.array([[-100, 3, 50]], np.int8)
    result = run_step(made, [a])
    np.testing.assert_array_equal(result.outputs["y"], [[-122, 4, 61]])


def test_vectors_are_added_too() -> None:
    a, b = np.array([[1, -7]], np.int8), np.array([[5, 100]], np.int8)
    made = step()
    expected(made, a, b, WES).check(run_step(made, [a, b]), made)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"fields": {**FIELDS, "shift": 64}}, "steps[0].fields.shift"),
        ({"fields": {"shift": 3}}, "steps[0].fields.y_zero"),
        ({"fields": {**FIELDS, "gain": 3}}, "steps[0].fields.gain"),
        (
            {"operand_fields": (OPERAND, {"x_zero": 128, "multiplier": 1})},
            "steps[0].operand_fields[1].x_zero",
        ),
        ({"operand_fields": ({"x_zero": 1}, OPERAND)}, "steps[0].operand_fields[0].multiplier"),
        (
            {"operand_fields": (OPERAND, {"x_zero": 0, "multiplier": np.array([1, 2])})},
            "steps[0].operand_fields[1].multiplier",
        ),
    ],
)
def test_fields_beyond_the_datapath_are_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step(**changes), [(2, 2, 2), (2, 2, 2)])
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("inputs", "shapes"), [(("a",), [(3,)]), (("a", "b"), [(3,), (4,)]), (("a", "b", "c"), [(3,)] * 3)]
)
def test_wrong_inputs_are_refused(inputs: tuple[str, ...], shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step(inputs=inputs), shapes)
    assert caught.value.key == "steps[0].inputs"
