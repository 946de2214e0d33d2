"""W9: `wes_npu` equals TOSA's CONV2D or DEPTHWISE_CONV2D followed by a per-channel RESCALE.

Programs run through the simulator that users call; the other side is Arm's reference model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

import npusim
from npusim.program import Program
from npusim.steps.base import TensorType
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.probe import Probe
from tests.oracles import tosa

DATAPATH = npusim.load_datapath("wes_npu")
CASES = 150


@dataclass(frozen=True)
class Draw:
    """One random convolution in both languages."""

    program: Program
    x: npt.NDArray[np.int8]
    case: tosa.Conv2dCase | tosa.DepthwiseCase


def draw(seed: int) -> Draw:
    """A random convolution: every code extreme, several strides, paddings, shifts and clamps."""
    rng = np.random.default_rng(seed)
    depthwise = bool(rng.integers(2))
    channels = int(rng.integers(1, 20))
    outputs = channels * int(rng.integers(1, 3)) if depthwise else int(rng.integers(1, 20))
    kernel = tuple(int(k) for k in rng.integers(1, 4, 2))
    stride, dilation = (tuple(int(v) for v in rng.integers(1, 3, 2)) for _ in range(2))
    pads = rng.integers(0, 3, 4)
    size = [int(rng.integers((k - 1) * d + 1, 9)) for k, d in zip(kernel, dilation, strict=True)]
    x = rng.choice(codes(rng, -128, 127, 200), (2, *size, channels)).astype(np.int8)
    weights = rng.choice(codes(rng, -127, 127, 200), (outputs, *kernel, 1 if depthwise else channels))
    bias = rng.integers(-(2**20), 2**20, outputs)
    x_zero, y_zero = (int(v) for v in rng.choice(codes(rng, -128, 127, 4), 2))
    multiplier, shift = int(rng.integers(2**15, 2**16)), int(rng.integers(17, 40))
    inverse = rng.integers(0, 16, outputs)
    folded = bias - x_zero * weights.reshape(outputs, -1).sum(axis=1)
    step = MacStep(
        name="mac",
        inputs=("x",),
        output="y",
        operation=MacOperation.DEPTHWISE_CONV2D if depthwise else MacOperation.CONV2D,
        weights=weights.astype(np.int8),
        bias=folded,
        stride=stride,
        dilation=dilation,
        padding=((int(pads[0]), int(pads[1])), (int(pads[2]), int(pads[3]))),
        fields={
            "multiplier": multiplier,
            "shift": shift,
            "inverse_shift": inverse,
            "x_zero": x_zero,
            "y_zero": y_zero,
            "low": -128,
            "high": 127,
        },
    )
    rescale = tosa.Rescale(*tosa.lifted(np.full(outputs, multiplier), shift + inverse), out_zero=y_zero)
    window = tosa.Window(stride, dilation, tuple(int(p) for p in pads))
    if depthwise:
        # TOSA: (kernel rows, kernel columns, channels, multiplier)
        theirs = weights.reshape(channels, -1, *kernel).transpose(2, 3, 0, 1)
        case = tosa.DepthwiseCase(x, theirs.astype(np.int8), bias, x_zero, window, rescale)
    else:
        case = tosa.Conv2dCase(x, weights.astype(np.int8), bias, x_zero, window, rescale)
    return Draw(one_step(step, x.shape[1:]), x, case)


def codes(rng: np.random.Generator, low: int, high: int, count: int) -> npt.NDArray[np.int64]:
    """Random codes, both extremes among them."""
    return np.concatenate([rng.integers(low, high + 1, count), [low, high]])


def one_step(step: MacStep, shape: tuple[int, ...]) -> Program:
    """A program of one step."""
    x = TensorType(shape=shape, bits=8)
    return Program(
        name="one",
        input_names=("x",),
        output_names=("y",),
        tensors={"x": x, "y": step.output_type([x], DATAPATH)},
        steps=(step,),
        datapath=DATAPATH,
    )


def test_convolutions_equal_tosa() -> None:
    tosa.require_tosa()
    draws = [draw(seed) for seed in range(CASES)]
    theirs = tosa.run_cases([drawn.case for drawn in draws])
    compared = 0
    for drawn, expected in zip(draws, theirs, strict=True):
        ours = npusim.simulate(drawn.program, drawn.x, threads=1).outputs["y"]
        # TOSA's harness leaves out rows and columns that no window reads, never outputs.
        np.testing.assert_array_equal(ours, expected)
        compared += ours.size
    assert compared > 50_000


@pytest.mark.parametrize("seed", range(4))
def test_rescale_equals_tosa_over_the_accumulator_range(seed: int) -> None:
    tosa.require_tosa()
    rng = np.random.default_rng(seed)
    channels, rows = 500, 200
    multipliers = rng.integers(2**15, 2**16, channels)
    shift = int(rng.integers(17, 48))
    inverse = rng.integers(0, 15, channels)
    total = shift + inverse
    accumulators = rng.integers(-(2**31), 2**31, (rows, channels))
    accumulators[0], accumulators[1], accumulators[2] = -(2**31), 2**31 - 1, 0
    # Ties: acc * m = odd * 2**(total - 1), reached by power-of-two multipliers.
    multipliers[:100] = 2**15
    ties = (2 * rng.integers(-200, 200, (rows - 3, 100)) + 1) << np.maximum(total[:100] - 16, 0)
    accumulators[3:, :100] = np.clip(ties, -(2**31), 2**31 - 1)
    fields = {
        "multiplier": multipliers,
        "shift": shift,
        "inverse_shift": inverse,
        "y_zero": -7,
        "low": -128,
        "high": 127,
    }
    stages = DATAPATH.pipelines["mac"].result
    assert stages is not None
    ours = Rescaler(stages, fields, channels).codes(accumulators.astype(np.int32), np.int8, Probe())
    rescale = tosa.Rescale(*tosa.lifted(multipliers, total), out_zero=-7)
    (theirs,) = tosa.run_cases([tosa.RescaleCase(accumulators.astype(np.int32)[:, None, None, :], rescale)])
    np.testing.assert_array_equal(ours, theirs.reshape(rows, channels))
