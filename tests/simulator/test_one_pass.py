"""Runs that record nothing, or events alone, against runs that tap: same codes, same statistics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import npusim
from npusim.steps.add import AddStep
from npusim.steps.base import Step
from npusim.steps.concat import ConcatStep
from npusim.steps.executors import schedule
from npusim.steps.mac import MacOperation, MacStep
from tests.simulator.draw import MacCase, mac_cases
from tests.steps.one_step import WES, one_step

FIELDS = {"multiplier": 40000, "shift": 24, "x_zero": -3, "y_zero": 5, "low": -128, "high": 127}


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mac_cases())
def test_recording_changes_nothing(case: MacCase) -> None:
    program = one_step(case.step, [case.x.shape[1:]], case.datapath)
    _compare(program, case.x)


@patch.object(schedule, "_LEAST_SHARED", 0)  # or small steps would not be shared out
def _compare(program: npusim.Program, x: np.ndarray) -> None:
    tapped = npusim.simulate(program, x, taps=[f"{program.steps[0].name}:*"], statistics=True)
    (expected,) = tapped.outputs.values()
    for threads in (1, 2, len(x) + 1):
        counted = npusim.simulate(program, x, statistics=True, threads=threads)
        assert counted.statistics == tapped.statistics
        for made in (counted, npusim.simulate(program, x, threads=threads)):
            np.testing.assert_array_equal(made.outputs["y"], expected)


def _mac(
    operation: MacOperation, channels: int, outputs: int, kernel: int, stride: int, seed: int
) -> tuple[MacStep, np.ndarray]:
    random = np.random.default_rng(seed)
    depthwise = operation is MacOperation.DEPTHWISE_CONV2D
    shape = (outputs, kernel, kernel, 1 if depthwise else channels)
    step = MacStep(
        name="mac",
        inputs=("x",),
        output="y",
        operation=operation,
        weights=random.integers(-127, 128, shape).astype(np.int8),
        bias=random.integers(-9999, 9999, outputs),
        stride=(stride, stride),
        padding=((kernel // 2, kernel // 2), (kernel // 2, kernel // 2)),
        # Every product is even: ties are met, and first met at places of their own.
        fields={**FIELDS, "multiplier": 1 << 15, "inverse_shift": random.integers(0, 4, outputs)},
    )
    return step, random.integers(-128, 128, (3, 11, 13, channels)).astype(np.int8)


@pytest.mark.parametrize(
    ("operation", "channels", "outputs", "kernel", "stride"),
    [
        (MacOperation.CONV2D, 24, 100, 1, 1),
        (MacOperation.CONV2D, 5, 64, 3, 2),
        (MacOperation.DEPTHWISE_CONV2D, 24, 24, 3, 1),
        (MacOperation.DEPTHWISE_CONV2D, 96, 96, 3, 2),
        (MacOperation.DEPTHWISE_CONV2D, 64, 64, 5, 1),
    ],
)
def test_shapes_of_every_tail(
    operation: MacOperation, channels: int, outputs: int, kernel: int, stride: int
) -> None:
    step, x = _mac(operation, channels, outputs, kernel, stride, channels + outputs)
    x[0] = step.x_zero  # the first image has fewer events than those after it
    _compare(one_step(step, [x.shape[1:]]), x)


def test_parts_of_one_image_on_several_threads() -> None:
    """Large enough to be shared out."""
    step, _ = _mac(MacOperation.CONV2D, 64, 64, 3, 1, 0)
    x = np.random.default_rng(1).integers(-128, 128, (1, 48, 48, 64)).astype(np.int8)
    _compare(one_step(step, [x.shape[1:]]), x)


def _concat_and_add() -> tuple[npusim.Program, np.ndarray]:
    """Tensors of several shared pieces, which end in the middle of rows."""
    names, fields = ("x", "x"), {"shift": 17, "y_zero": 5, "low": -90, "high": 100}
    operand = {"x_zero": 5, "multiplier": 40000}
    rescale = {"x_zero": -3, "multiplier": 50000, "shift": 16, "y_zero": 4, "low": -100, "high": 80}
    steps: list[Step] = [
        AddStep(name="add", inputs=names, output="sum", operand_fields=(operand, operand), fields=fields),
        ConcatStep(
            name="cat",
            inputs=("x", "sum", "x"),
            output="y",
            axis=2,
            operand_fields=(None, rescale, {**rescale, "multiplier": 1}),
        ),
    ]
    x = np.random.default_rng(5).integers(-128, 128, (3, 30, 31, 19)).astype(np.int8)
    x[0, :20] = 0  # the first events come late
    one = one_step(steps[0], [x.shape[1:]])
    whole = one.tensors["x"].model_copy(update={"shape": (30, 31, 57)})
    tensors = {"x": one.tensors["x"], "sum": one.tensors["x"], "y": whole}
    return one.replace(name="joined", tensors=tensors, steps=tuple(steps), output_names=("y",)), x


def test_pieces_of_concats_and_adds_on_several_threads() -> None:
    """On images alone and in batches; the general kernels tell what is right."""
    program, x = _concat_and_add()
    _compare(program, x)
    for image in x:
        for threads in (2, 3, 5):
            _compare_shared(program, image[np.newaxis], threads)


@patch.object(schedule, "_LEAST_SHARED", 0)
def _compare_shared(program: npusim.Program, x: np.ndarray, threads: int) -> None:
    steps = [f"{step.name}:*" for step in program.steps]
    tapped = npusim.simulate(program, x, taps=steps, statistics=True)
    counted = npusim.simulate(program, x, statistics=True, threads=threads)
    assert counted.statistics == tapped.statistics
    np.testing.assert_array_equal(counted.outputs["y"], tapped.outputs["y"])


@patch.object(schedule, "_LEAST_SHARED", 0)
def test_buffers_are_used_again() -> None:
    """A residual block, one tensor of which lives long; outputs in the middle; several runs."""
    first, x = _mac(MacOperation.CONV2D, 16, 16, 3, 1, 2)
    names = ["x", "a", "b", "c", "d"]
    steps: list[Step] = [
        first.replace(name=f"mac_{y}", inputs=(x_name,), output=y) for x_name, y in pairwise(names)
    ]
    operand = {"x_zero": 5, "multiplier": 40000}
    fields = {"shift": 17, "y_zero": 5, "low": -128, "high": 127}
    steps.append(
        AddStep(name="add", inputs=("d", "a"), output="y", operand_fields=(operand, operand), fields=fields)
    )
    program = _program(steps, x.shape[1:], ("y", "b"))
    simulator = npusim.Simulator(program)
    expected = simulator.run(x, taps=["add"], statistics=True)
    for threads in (1, 2, 4):
        for counting in (False, True, True):
            made = simulator.run(x, threads=threads, statistics=counting)
            for name in ("y", "b"):
                np.testing.assert_array_equal(made.outputs[name], expected.outputs[name])
            if counting:
                assert made.statistics == expected.statistics


def _program(steps: Sequence[Step], shape: tuple[int, ...], outputs: tuple[str, ...]) -> npusim.Program:
    one = one_step(steps[0], [shape]).tensors["x"]
    tensors = {"x": one, **{step.output: one for step in steps}}
    return npusim.Program(
        name="block",
        input_names=("x",),
        output_names=outputs,
        tensors=tensors,
        steps=tuple(steps),
        datapath=WES,
    )
