"""A6, W3, W4: matmul steps equal the spec's column in bits, taps, events and overflows, on both paths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim import simulate
from npusim.datapath import Datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.spec.loop_nest import dense_beats
from npusim.spec.mac import Accumulation, accumulate
from npusim.spec.pipeline import run
from npusim.steps.fields import Activation
from npusim.steps.matmul import MatmulStep
from npusim.steps.pipelines import stage_points
from npusim.steps.probe import Path
from tests.steps.one_step import WES, Codes, Expected, one_step, run_step
from tests.steps.strategies import CODE, MULTIPLIER, SHIFT, bounds, codes

NAMES = {"name": "step", "inputs": ("a", "b"), "output": "y"}


@st.composite
def datapaths(draw: st.DrawFn) -> Datapath:
    changes: dict[str, Any] = {"mac.lanes": draw(st.sampled_from([1, 2, 16]))}
    if draw(st.booleans()):
        bits = draw(st.sampled_from([14, 17, 20]))
        rule = draw(st.sampled_from(["saturate", "wrap"]))
        changes |= {"mac.accumulator": {"bits": bits, "overflow": rule}, "mac.bias.bits": bits}
    if draw(st.booleans()):
        rule = draw(st.sampled_from(["saturate", "wrap"]))
        changes["mac.tree"] = {"bits": draw(st.sampled_from([12, 16])), "overflow": rule}
    return change_datapath(WES, changes, "drawn")


@st.composite
def steps(draw: st.DrawFn) -> MatmulStep:
    low, high = draw(bounds())
    fields = {"multiplier": draw(MULTIPLIER), "shift": draw(SHIFT), "y_zero": draw(CODE)}
    return MatmulStep(
        **NAMES,
        operand_fields=({"x_zero": draw(CODE)}, {"x_zero": draw(CODE)}),
        fields={**fields, "low": low, "high": high},
        activation=draw(st.sampled_from(Activation)),
    )


def column(made: MatmulStep, a: Codes, b: Codes, datapath: Datapath) -> Accumulation:
    """One output: a row and a column of codes."""
    zeros = [int(found["x_zero"]) for found in made.operand_fields]
    beats = dense_beats(len(a), datapath.mac.lanes)
    pairs = [[(int(a[i]) - zeros[0], int(b[i]) - zeros[1]) for _, _, i in beat] for beat in beats]
    return accumulate(pairs, 0, datapath.mac.column)


@settings(max_examples=80, deadline=None)
@given(st.data(), steps(), datapaths(), st.sampled_from([(2, 3, 2), (1, 5, 3), (3, 1, 1), (2, 18, 2)]))
def test_equals_the_spec(data: st.DataObject, made: MatmulStep, datapath: Datapath, size: Any) -> None:
    rows, inner, columns = size
    lead = data.draw(st.sampled_from([(), (2,)]))
    a, b = data.draw(codes((2, *lead, rows, inner))), data.draw(codes((2, *lead, inner, columns)))
    says, found = Expected(), []
    operand, result = made.operand_stages(datapath), made.result_stages(datapath)
    fields = {**made.fields, "activation": int(made.activation.bounds)}
    for image in range(2):
        for index, x in enumerate((a, b)):
            for code in x[image].flat:
                trace = run(operand, int(code), made.operand_fields[index])
                says.trace(trace, stage_points(operand, f"operand_{index}."), image, 0)
        for flat, (*at, row, c) in enumerate(np.ndindex(*lead, rows, columns)):
            sums = column(made, a[(image, *at, row)], b[(image, *at, slice(None), c)], datapath)
            found.append(sums)
            says.value("accumulator", sums.value)
            says.value(
                "output", says.trace(run(result, sums.value, fields), stage_points(result), image, flat)
            )
    says.check(run_step(made, [a, b], datapath), made)
    check_overflows(made, a, b, datapath, found)


def check_overflows(
    made: MatmulStep, a: Codes, b: Codes, datapath: Datapath, found: list[Accumulation]
) -> None:
    program = one_step(made, [a.shape[1:], b.shape[1:]], datapath)
    result = simulate(program, {"a": a, "b": b}, statistics="prefix")
    assert result.statistics is not None
    record = result.statistics["step"].accumulator
    register = datapath.mac.accumulator.register
    assert record is not None
    assert record.prefix_overflows == sum(sums.overflows for sums in found)
    assert record.final_overflows == sum(sums.leaves(register) for sums in found)
    assert record.lowest == min(0, *(sums.lowest for sums in found))
    assert record.highest == max(0, *(sums.highest for sums in found))


def test_wes_npu_needs_no_order() -> None:
    made = MatmulStep(
        **NAMES,
        operand_fields=({"x_zero": -128}, {"x_zero": -128}),
        fields={"multiplier": 1, "shift": 0, "y_zero": 0, "low": -128, "high": 127},
    )
    x = np.full((1, 33000 // 8, 8), 127, np.int8)
    result = run_step(made, [x.transpose(0, 2, 1), x])
    assert result.statistics is not None
    assert result.statistics["step"].path is Path.FAST_64
    assert int(result.taps["step"]["accumulator"].max()) == 255 * 255 * 4125


@pytest.mark.parametrize("shapes", [[(2, 3), (2, 3)], [(3,), (3, 2)], [(1, 2, 3), (2, 3, 2)]])
def test_matrices_that_do_not_fit_are_refused(shapes: list[tuple[int, ...]]) -> None:
    fields = {"multiplier": 1, "shift": 0, "y_zero": 0, "low": -128, "high": 127}
    made = MatmulStep(**NAMES, operand_fields=({"x_zero": 0}, {"x_zero": 0}), fields=fields)
    with pytest.raises(InputError) as caught:
        one_step(made, shapes)
    assert caught.value.key == "steps[0].inputs"
