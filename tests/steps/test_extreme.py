"""W7: minimum and maximum steps equal the spec in bits, taps and events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.spec.pipeline import run
from npusim.steps.extreme import ExtremeStep
from npusim.steps.fields import Activation
from npusim.steps.maximum import MaximumStep
from npusim.steps.minimum import MinimumStep
from npusim.steps.pipelines import stage_points
from tests.steps.one_step import WES, Codes, Expected, one_step, run_step
from tests.steps.strategies import CODE, MULTIPLIER, SHIFT, bounds, codes

NAMES = {"name": "step", "inputs": ("a", "b"), "output": "y"}
SHAPES = st.sampled_from(
    [((2, 3, 2), (2, 3, 2)), ((2, 3, 2), (1, 1, 2)), ((1, 3, 1), (2, 1, 2)), ((4,), (4,))]
)


@st.composite
def registers(draw: st.DrawFn) -> dict[str, Any] | None:
    low, high = draw(bounds())
    fields = {"x_zero": CODE, "multiplier": MULTIPLIER, "shift": SHIFT, "y_zero": CODE}
    values: dict[str, Any] = draw(st.fixed_dictionaries(fields))
    return {**values, "low": low, "high": high} if draw(st.booleans()) else None


def expected(made: ExtremeStep, a: Codes, b: Codes) -> Expected:
    says, stages = Expected(), made.stages(WES)
    flags = {"activation": int(made.activation.bounds)}
    for image in range(len(a)):
        aligned = []
        for index, x in enumerate((a[image], b[image])):
            fields, values = made.operand_fields[index], x.astype(np.int64)
            if fields is not None:
                for flat, code in enumerate(x.flat):
                    trace = run(stages, int(code), {**fields, **flags})
                    values.flat[flat] = says.trace(
                        trace, stage_points(stages, f"operand_{index}."), image, flat
                    )
            aligned.append(values)
        for pair in zip(*(part.flat for part in np.broadcast_arrays(*aligned)), strict=True):
            says.value("output", made.choice.of(int(pair[0]), int(pair[1])))
    return says


@settings(max_examples=60, deadline=None)
@given(st.data(), SHAPES, registers(), registers(), st.sampled_from(Activation))
@pytest.mark.parametrize("kind", [MinimumStep, MaximumStep], ids=lambda kind: kind.kind)
def test_equals_the_spec(
    kind: type[ExtremeStep], data: st.DataObject, shapes: Any, first: Any, second: Any, activation: Activation
) -> None:
    made = kind(**NAMES, operand_fields=(first, second), activation=activation)
    a, b = (data.draw(codes((2, *shape))) for shape in shapes)
    expected(made, a, b).check(run_step(made, [a, b]), made)


def test_what_does_not_fit_is_refused() -> None:
    wide = {"x_zero": 200, "multiplier": 1, "shift": 0, "y_zero": 0, "low": -128, "high": 127}
    for step, shapes, key in (
        (MinimumStep(**NAMES, operand_fields=(None, wide)), [(3,), (3,)], "operand_fields[1].x_zero"),
        (MaximumStep(**NAMES, operand_fields=(None, None)), [(3,), (2,)], "inputs"),
    ):
        with pytest.raises(InputError) as caught:
            one_step(step, shapes)
        assert caught.value.key == f"steps[0].{key}"
