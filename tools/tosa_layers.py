"""A program's convolutions, one by one, in Arm's TOSA reference model: a process, timed from outside."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import npusim
from npusim.program import Program
from npusim.steps.mac import MacOperation, MacStep
from tests.oracles import tosa
from tools.speed_field import Contender, same_bits

Array = npt.NDArray[Any]


def contenders(program: Program, image: dict[str, Array]) -> Iterator[Contender]:
    """The model, if its environment is there."""
    if not os.environ.get(tosa.VARIABLE):
        return
    steps = [step for step in program.ordered_steps if isinstance(step, MacStep) and step.padding is not None]
    steps = [step for step in steps if step.operation is not MacOperation.DENSE]
    taps = [f"{step.name}:output" for step in program.steps]
    result = npusim.simulate(program, image, taps=taps, threads=1)
    tensors = {step.output: result.taps[step.name]["output"] for step in program.steps} | image
    cases = [_case(step, tensors[step.inputs[0]]) for step in steps]
    made = tosa.run_cases(cases)
    wanted = [tensors[step.output] for step in steps]
    bits = [same_bits(one, other) for one, other in zip(made, wanted, strict=True)]
    worst = next((each for each in bits if each != "yes"), "yes")
    name = f"TOSA reference model, the {len(steps)} convolutions alone"
    yield Contender(name, lambda: None, worst, lambda: _seconds(cases) - _seconds(cases[:0]))


def _seconds(cases: list[tosa.Case]) -> float:
    """Of the subprocess; an empty one loads the model only."""
    start = time.perf_counter()
    tosa.run_cases(cases)
    return time.perf_counter() - start


def _case(step: MacStep, x: Array) -> tosa.Conv2dCase | tosa.DepthwiseCase:
    fields: dict[str, Any] = dict(step.fields)
    outputs = step.outputs
    shift = np.broadcast_to(fields["shift"] + fields.get("inverse_shift", 0), (outputs,))
    multiplier = np.broadcast_to(fields["multiplier"], (outputs,))
    rescale = tosa.Rescale(*tosa.lifted(multiplier, shift), out_zero=int(fields["y_zero"]))
    pads = (*step.padding[0], *step.padding[1])
    window = tosa.Window(step.stride, step.dilation, tuple(int(pad) for pad in pads))
    # The program's bias has the zero point folded in, TOSA's has not.
    bias = step.bias + step.x_zero * step.weights.reshape(outputs, -1).astype(np.int64).sum(axis=1)
    if step.operation is MacOperation.DEPTHWISE_CONV2D:
        weights = step.weights.reshape(x.shape[-1], -1, *step.kernel).transpose(2, 3, 0, 1)
        return tosa.DepthwiseCase(x, weights.astype(np.int8), bias, step.x_zero, window, rescale)
    return tosa.Conv2dCase(x, step.weights.astype(np.int8), bias, step.x_zero, window, rescale)
