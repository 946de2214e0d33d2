"""The sum_orders step against the spec: values, taps and events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim
from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.program import Program
from npusim.spec.expansion import sum_orders
from npusim.steps.base import TensorType
from npusim.steps.fields import Activation
from npusim.steps.pipelines import operand_prefix, stage_points
from npusim.steps.sum_orders import SumOrdersStep
from tests.steps.one_step import Expected
from tests.steps.strategies import MULTIPLIER, SHIFT, bounds

REX = load_datapath("wes_npu_rex_multipliers")
SHAPE = (2, 3)


def program(step: SumOrdersStep, bits: int = 32, datapath: npusim.Datapath = REX) -> Program:
    tensors = {name: TensorType(shape=SHAPE, bits=bits) for name in step.inputs}
    return Program(
        name="orders",
        input_names=step.inputs,
        output_names=("y",),
        tensors={**tensors, "y": TensorType(shape=SHAPE, bits=8)},
        steps=(step,),
        datapath=datapath,
    )


@st.composite
def steps(draw: st.DrawFn) -> SumOrdersStep:
    orders = draw(st.integers(1, 4))
    low, high = draw(bounds())
    return SumOrdersStep(
        name="s",
        inputs=tuple("abcd"[:orders]),
        output="y",
        operand_fields=tuple(
            {"multiplier": draw(MULTIPLIER), "align": draw(st.integers(0, 7))} for _ in range(orders)
        ),
        fields={
            "shift": draw(SHIFT),
            "inverse_shift": np.array(draw(st.lists(st.integers(0, 15), min_size=3, max_size=3))),
            "y_zero": draw(st.integers(-128, 127)),
            "low": low,
            "high": high,
        },
        activation=draw(st.sampled_from(Activation)),
    )


@given(steps(), st.integers(0, 2**32 - 1))
def test_sum_orders_equals_the_spec(step: SumOrdersStep, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 33)
    batch = {
        name: rng.integers(-(1 << size - 1), 1 << size - 1, (2, *SHAPE)).astype(np.int32)
        for name in step.inputs
    }
    result = npusim.simulate(program(step), batch, taps=["s:*"], statistics=True)
    operand, final = step.operand_stages(REX), step.result_stages(REX)
    expected = Expected()
    for image in range(2):
        for flat, place in enumerate(np.ndindex(SHAPE)):
            own = {
                name: int(np.atleast_1d(v)[place[-1] if np.size(v) > 1 else 0])
                for name, v in step.fields.items()
            }
            own["activation"] = int(step.activation.bounds)
            values = [int(batch[name][image][place]) for name in step.inputs]
            made = sum_orders(values, operand, step.operand_fields, final, own)  # type: ignore[arg-type]
            for order, trace in enumerate(made.operands):
                expected.trace(trace, stage_points(operand, operand_prefix(order)), image, flat)
            expected.value("sum", made.exact)
            expected.value("output", expected.trace(made.result, stage_points(final), image, flat))
    expected.check(result, step)


def some(orders: int = 2, **changes: Any) -> SumOrdersStep:
    content: dict[str, Any] = {
        "name": "s",
        "inputs": tuple("abcdef"[:orders]),
        "output": "y",
        "operand_fields": tuple({"multiplier": 1, "align": 0} for _ in range(orders)),
        "fields": {"shift": 1, "inverse_shift": 0, "y_zero": 0, "low": -128, "high": 127},
    }
    return SumOrdersStep(**{**content, **changes})


@pytest.mark.parametrize(
    ("step", "bits", "datapath", "key"),
    [
        (some(5), 32, "wes_npu_rex_multipliers", "steps[0].inputs"),
        (some(), 33, "wes_npu_rex_multipliers", "steps[0].inputs[0]"),
        (some(), 32, "wes_npu_rex", "steps[0].mac.expansion.form"),
        (some(), 32, "wes_npu", "steps[0].mac.expansion.form"),
        (
            some(operand_fields=({"multiplier": 1, "align": 0},)),
            32,
            "wes_npu_rex_multipliers",
            "steps[0].operand_fields",
        ),
        (
            some(operand_fields=({"multiplier": 1, "align": 8},) * 2),
            32,
            "wes_npu_rex_multipliers",
            "steps[0].operand_fields[0].align",
        ),
    ],
)
def test_what_does_not_fit_is_refused(step: SumOrdersStep, bits: int, datapath: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        program(step, bits, load_datapath(datapath))
    assert caught.value.key == key
