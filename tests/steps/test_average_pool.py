"""W6: the average_pool step equals the spec in bits, taps and events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.kernels.isa import InstructionSet, selected
from npusim.prepared import prepared
from npusim.spec.pipeline import run
from npusim.spec.pooling import average_sum
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.pipelines import stage_points
from npusim.steps.pool_windows import window_counts
from npusim.steps.probe import StatisticsMode
from tests.steps.one_step import EVEN, WES, Codes, Expected, one_step, run_step
from tests.steps.strategies import CODE, MULTIPLIER, SHIFT, bounds, codes, image_shapes, windows
from tests.steps.windows import inside

TFLITE = load_datapath("tflite")
FIELDS = {"shift": 17, "y_zero": 0, "low": -128, "high": 127}
ONE_WINDOW = {
    "name": "pool",
    "inputs": ("x",),
    "output": "y",
    "kernel": (2, 2),
    "x_zero": 0,
    "counts": np.array([4]),
    "multipliers": np.array([32768]),
    "fields": FIELDS,
}


def step(**changes: Any) -> AveragePoolStep:
    return AveragePoolStep(**{**ONE_WINDOW, **changes})


@st.composite
def cases(draw: st.DrawFn) -> tuple[AveragePoolStep, Codes]:
    shape, geometry = draw(image_shapes()), draw(windows())
    count_padding = draw(st.booleans())
    try:
        counts = np.unique(window_counts((shape[0], shape[1]), **geometry, count_padding=count_padding))
    except InputError:
        geometry = {"kernel": (shape[0], shape[1])}
        counts = np.array([shape[0] * shape[1]])
    low, high = draw(bounds())
    multipliers = draw(st.lists(MULTIPLIER, min_size=len(counts), max_size=len(counts)))
    made = step(
        **geometry,
        count_padding=count_padding,
        x_zero=draw(CODE),
        counts=counts,
        multipliers=np.array(multipliers),
        fields={"shift": draw(SHIFT), "y_zero": draw(CODE), "low": low, "high": high},
    )
    return made, draw(codes((draw(st.integers(1, 2)), *shape)))


def expected(made: AveragePoolStep, x: Codes, datapath: Datapath) -> Expected:
    says = Expected()
    points = stage_points(made.stages(datapath))
    multipliers = dict(zip(made.counts.tolist(), made.multipliers.tolist(), strict=True))
    taps = made.kernel[0] * made.kernel[1]
    for image in range(len(x)):
        flat = 0
        for window in inside(x[image], made.kernel, made.stride, made.padding):
            for c in range(x.shape[-1]):
                total = average_sum([int(code) for code in window[:, c]], made.x_zero)
                says.value("accumulator", total)
                count = taps if made.count_padding else len(window)
                trace = run(made.stages(datapath), total, {**made.fields, "multiplier": multipliers[count]})
                says.value("output", says.trace(trace, points, image, flat))
                flat += 1
    return says


@settings(max_examples=80, deadline=None)
@given(cases(), st.sampled_from([WES, EVEN]))
def test_equals_the_spec(case: tuple[AveragePoolStep, Codes], datapath: Datapath) -> None:
    made, x = case
    result = run_step(made, [x], datapath)
    expected(made, x, datapath).check(result, made)
    assert result.statistics is not None
    seen, sums = result.statistics["pool"].accumulator, result.taps["pool"]["accumulator"]
    assert seen is not None
    assert (seen.lowest, seen.highest, seen.final_overflows) == (sums.min(), sums.max(), 0)
    reachable = result.statistics["pool"].reachable
    assert reachable is not None
    assert int(sums.min()) in reachable
    assert int(sums.max()) in reachable


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.data())
def test_pipelines_that_divide_count_by_sums(
    rows: int, columns: int, channels: int, data: st.DataObject
) -> None:
    low, high = data.draw(bounds())
    made = step(
        kernel=(rows, columns),
        x_zero=data.draw(CODE),
        counts=np.array([rows * columns]),
        multipliers=None,
        fields={"low": low, "high": high},
    )
    x = data.draw(codes((2, rows, columns, channels)))
    program = one_step(made, [x.shape[1:]], TFLITE)
    one_pass = prepared(program, TFLITE).schedule.work[0].counted is not None
    assert one_pass == (selected() is not InstructionSet.GENERIC)
    says, points = Expected(), stage_points(made.stages(TFLITE))
    for image, c in np.ndindex(2, channels):
        total = average_sum(x[image, ..., c].reshape(-1).tolist(), made.x_zero)
        says.value("accumulator", total)
        trace = run(made.stages(TFLITE), total, {**made.fields, "count": rows * columns})
        says.value("output", says.trace(trace, points, image, c))
    says.check(run_step(made, [x], TFLITE), made)


def test_a_global_average_may_drop_rows_and_columns() -> None:
    x = np.array([[[[1, -3], [2, -3]], [[3, -3], [2, -3]]]], np.int8)
    flat = run_step(step(keep_dims=False), [x])
    image = run_step(step(), [x])
    np.testing.assert_array_equal(flat.outputs["y"], [[2, -3]])
    np.testing.assert_array_equal(image.outputs["y"], [[[[2, -3]]]])
    assert flat.taps["pool"]["accumulator"].tolist() == [[8, -12]]


def test_every_event_is_located_in_the_whole_output() -> None:
    # Windows of one pixel and of two: the only one that saturates is the last pixel of the second size.
    x = np.array([[[[1, 1]], [[1, 1]], [[1, 100]]]], np.int8)
    made = step(
        kernel=(2, 1),
        stride=(1, 1),
        padding=((1, 0), (0, 0)),
        counts=np.array([1, 2]),
        multipliers=np.array([65535, 65535]),
        fields={**FIELDS, "shift": 15},
    )
    found = run_step(made, [x]).statistics
    assert found is not None
    high = found["pool"].events["3.clamp"]["saturated_high"]
    assert (high.count, found["pool"].locate(high.first)) == (1, (0, 2, 0, 1))


def test_the_sum_must_fit_the_accumulator() -> None:
    narrow = change_datapath(WES, {"mac.accumulator.bits": 9, "mac.bias.bits": 9}, "narrow")
    fits = {"kernel": (1, 2), "counts": np.array([2])}
    assert one_step(step(**fits), [(1, 2, 1)], narrow).steps[0].counts.tolist() == [2]
    with pytest.raises(InputError, match="accumulator") as caught:
        one_step(step(), [(2, 2, 1)], narrow)
    assert caught.value.key == "steps[0].kernel"
    assert str(caught.value.found) == "-512..508"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"x_zero": 128}, "x_zero"),
        ({"counts": np.array([3])}, "counts"),
        ({"counts": np.array([2, 4]), "multipliers": np.array([1, 1])}, "counts"),
        ({"multipliers": np.array([1, 1])}, "multipliers"),
        ({"multipliers": np.array([65536])}, "multipliers[0]"),
        ({"fields": {**FIELDS, "multiplier": 1}}, "fields.multiplier"),
        ({"fields": {"shift": 1}}, "fields.y_zero"),
        ({"padding": ((2, 0), (0, 0))}, "padding"),
        ({"kernel": (1, 1), "counts": np.array([1]), "keep_dims": False}, "keep_dims"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        one_step(step(**changes), [(2, 2, 2)])
    assert caught.value.key == f"steps[0].{key}"


def test_the_path_is_the_proven_one() -> None:
    made = step()
    program = one_step(made, [(2, 2, 1)])
    executor = made.prepare([program.tensors["x"]], program.tensors["y"], WES)
    decision = executor.decision(StatisticsMode.EVENTS)
    assert decision is not None
    assert str(decision.reachable) == "-512..508"
