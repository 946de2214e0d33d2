"""Rescales in binary64 as integer ones: the spec's results and events for every sum, or none."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.datapath import load_datapath
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.tiled.real_events import integer_plan
from npusim.prepared import prepared
from npusim.spec.pipeline import run
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Float64, Multiply, ShiftRight
from npusim.steps.mac import MacOperation, MacStep
from tests.steps.one_step import one_step, run_step

TFLITE = load_datapath("tflite")
REACH = 400


def _bits(scale: float) -> int:
    return int(np.array(scale, np.float64).view(np.int64))


def _stages(rounding: Rounding) -> tuple[BaseStage, ...]:
    return (Float64(scale="scale", rounding=rounding, to=32), Add(operand=-7), Clamp(low=-100, high=90))


JUST_BELOW = float(np.nextafter(0.5, 0))
"""Sums times it are no ties, but nearly."""

THIRD = 1 / 3
"""Three times it is one in binary64, and no fraction of a power of two in 31 bits."""


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("scale", [0.5, 0.375, THIRD, 0.0029795, 2.0**-20, 1.75, JUST_BELOW])
def test_every_sum_has_the_same_result_and_events(scale: float, rounding: Rounding) -> None:
    stages, fields = _stages(rounding), {"scale": _bits(scale)}
    plan = integer_plan(stages, {"scale": np.array([_bits(scale)] * 2)}, 2, REACH)
    if scale in (THIRD, JUST_BELOW):
        assert plan is None
        return
    assert plan is not None
    product, shift = plan.stages[:2]
    assert isinstance(product, Multiply)
    assert isinstance(shift, ShiftRight)
    for total in range(-REACH, REACH + 1):
        real, whole = run(stages, total, fields), run(plan.stages, total, {})
        assert whole.values[1:] == real.values
        assert (whole.events[0], whole.events[1:]) == (frozenset(), real.events)


def test_what_is_not_the_same_is_left_to_others() -> None:
    stages = _stages(Rounding.HALF_AWAY)
    differ = {"scale": np.array([_bits(0.5), _bits(0.25)])}
    assert integer_plan(stages, differ, 2, REACH) is None
    assert integer_plan(stages, {"scale": _bits(0.0)}, 1, REACH) is None
    assert integer_plan(stages, {"scale": _bits(0.5)}, 1, 1 << 30) is None
    assert integer_plan(stages[1:], {}, 1, REACH) is None


@pytest.mark.parametrize("scale", [0.25, 0.0061234])
def test_a_dense_step_counts_in_one_pass(scale: float) -> None:
    random = np.random.default_rng(3)
    step = MacStep(
        name="mac",
        inputs=("x",),
        output="y",
        operation=MacOperation.DENSE,
        weights=random.integers(-127, 128, (20, 9)).astype(np.int8),
        bias=random.integers(-900, 900, 20),
        fields={"float_multiplier": _bits(scale), "x_zero": -3, "y_zero": 5, "low": -128, "high": 127},
    )
    x = random.integers(-128, 128, (3, 9)).astype(np.int8)
    program = one_step(step, [x.shape[1:]], TFLITE)
    one_pass = prepared(program, TFLITE).schedule.work[0].counted is not None
    assert one_pass == (selected() is not InstructionSet.GENERIC)
    found = run_step(step, [x], TFLITE).statistics  # in one pass it must tell the same
    assert found is not None
    assert found["mac"].events["0.float64"]["rounded"].count > 0
