"""Small programs built by hand, and their inputs: nothing of them comes from the compiler.

Numbers come from a congruential generator written here, so that they are the same wherever Python runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath
from npusim.program import Program
from npusim.spec.expansion import ExpansionForm
from npusim.spec.interval import Interval
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.add import AddStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step, TensorType
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.fields import Activation
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pad import PadStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.sum_orders import SumOrdersStep

Words = npt.NDArray[np.int64]

SHAPE = (6, 5, 3)
IMAGES = 2


def numbers(seed: int) -> Iterator[int]:
    """Knuth's MMIX generator, its high 32 bits."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 32


def drawn(seed: int, low: int, high: int, *shape: int) -> Words:
    """Integers of low..high."""
    source = numbers(seed)
    count = int(np.prod(shape))
    return np.array([low + next(source) % (high - low + 1) for _ in range(count)], np.int64).reshape(shape)


def inputs(datapath: Datapath) -> Words:
    """A batch of codes."""
    codes = datapath.activation.interval
    return drawn(1, codes.low, codes.high, IMAGES, *SHAPE)


def program(datapath: Datapath) -> Program:
    """Every kind of step of wes_npu; a bias for each accumulator width, shifts around every rounding."""
    steps = list(_steps(datapath))
    codes = {"bits": datapath.activation.bits, "signed": datapath.activation.signed}
    tensors = {"x": TensorType(shape=SHAPE, **codes)}
    for step in steps:
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
    return Program(
        name="golden",
        input_names=("x",),
        output_names=("head", "cat", "ties", *(step.output for step in steps if step.name == "orders")),
        tensors=tensors,
        steps=tuple(steps),
        datapath=datapath,
    )


def _steps(datapath: Datapath) -> Iterator[Step]:
    yield _ties(datapath)
    yield PadStep(name="pad", inputs=("x",), output="pad", pads=((1, 0), (0, 1), (0, 0)), value=-7)
    yield _mac(datapath, "conv", "pad", MacOperation.CONV2D, (8, 3, 3, 3), 5, padding=((1, 1), (1, 1)))
    yield _mac(
        datapath, "dw", "conv", MacOperation.DEPTHWISE_CONV2D, (8, 3, 2, 1), 9, padding=((1, 1), (1, 0))
    )
    yield AddStep(
        name="add",
        inputs=("conv", "dw"),
        output="add",
        operand_fields=({"x_zero": 3, "multiplier": 40001}, {"x_zero": -9, "multiplier": 61234}),
        fields={"shift": 16, "y_zero": -20, "low": -20, "high": 90},
        activation=Activation.BOTH,
    )
    yield ClampStep(name="clamp", inputs=("add",), output="clamp", low=-10, high=60)
    yield MaxPoolStep(
        name="max", inputs=("clamp",), output="max", kernel=(2, 2), stride=(2, 2), padding=((0, 1), (0, 0))
    )
    yield AveragePoolStep(
        name="mean",
        inputs=("add",),
        output="mean",
        kernel=(3, 3),
        stride=(2, 2),
        padding=((1, 1), (1, 1)),
        x_zero=-20,
        counts=np.array([4, 6, 9]),
        multipliers=np.array([58982, 39322, 26214]),
        fields={"shift": 18, "y_zero": 5, "low": -128, "high": 127},
    )
    yield ConcatStep(
        name="cat",
        inputs=("max", "mean"),
        output="cat",
        operand_fields=(
            None,
            {"x_zero": 5, "multiplier": 33333, "shift": 15, "y_zero": 1, "low": -128, "high": 127},
        ),
    )
    yield ReshapeStep(name="flat", inputs=("cat",), output="flat", shape=(192,))
    head = _mac(datapath, "head", "flat", MacOperation.DENSE, (5, 192), 12)
    yield head
    yield from _passes(datapath, head)


def _passes(datapath: Datapath, head: MacStep) -> Iterator[Step]:
    """The head once more, with a second order of three of its outputs, on datapaths that sum orders."""
    if datapath.mac.expansion is None:
        return
    shared = datapath.mac.expansion.form is ExpansionForm.SHARED_ACCUMULATOR
    zero = {"x_zero": head.x_zero}
    common: dict[str, Any] = {"operation": MacOperation.DENSE, "fields": zero}
    yield AccumulateStep(
        name="first", inputs=("flat",), output="first", weights=head.weights, bias=head.bias >> 9, **common
    )
    yield AccumulateStep(
        name="second",
        inputs=("flat", "first") if shared else ("flat",),
        output="second",
        weights=drawn(17, -7, 7, 3, 192).astype(np.int8),
        rows=np.array([0, 2, 3]),
        shift=5 if shared else 0,
        bias=drawn(18, -(2**13), 2**13, 5),
        **common,
    )
    fields = {name: value for name, value in head.fields.items() if name != "x_zero"}
    last: dict[str, Any] = {"name": "orders", "output": "orders", "activation": Activation.LOW}
    if shared:
        yield RescaleStep(inputs=("second",), operation=MacOperation.DENSE, fields=fields, **last)
        return
    multiplier = fields.pop("multiplier")
    operands = ({"multiplier": multiplier, "align": 7}, {"multiplier": 50001, "align": 2})
    yield SumOrdersStep(inputs=("first", "second"), operand_fields=operands, fields=fields, **last)


def _mac(
    datapath: Datapath,
    name: str,
    x: str,
    operation: MacOperation,
    shape: tuple[int, ...],
    scale: int,
    **geometry: Any,
) -> MacStep:
    """`scale`: about how many bits the rescale takes off."""
    outputs, seed = shape[0], len(name) + shape[0]
    weights, bits = datapath.weight.interval, datapath.scale.magnitude_bits
    register = Interval.of(datapath.mac.bias.register)
    bias = drawn(seed + 1, -(2**13), 2**13, outputs)
    bias[0] = register.high - 2**16  # near the register's end: some sums leave it
    shifts = np.minimum(2 * np.arange(outputs), datapath.inverse_shift_max)
    multipliers = drawn(seed + 2, 2 ** (bits - 1), 2**bits - 1, outputs)
    return MacStep(
        name=name,
        inputs=(x,),
        output=name,
        operation=operation,
        weights=drawn(seed, weights.low, weights.high, *shape).astype(np.int8),
        bias=bias,
        fields={
            "multiplier": multipliers if datapath.per_channel("multiplier") else int(multipliers[0]),
            "shift": scale + bits,
            "inverse_shift": shifts,
            "x_zero": -7,
            "y_zero": -3,
            "low": -100,
            "high": 120,
        },
        activation=Activation.LOW,
        **geometry,
    )


def _ties(datapath: Datapath) -> MacStep:
    """Small sums times 2**-2, 2**-3 ...: every rounding meets ties of both signs and parities."""
    outputs, one = 6, 1 << (datapath.scale.magnitude_bits - 1)
    shifts = np.minimum(np.arange(outputs), datapath.inverse_shift_max)
    per_channel = datapath.per_channel("multiplier")
    return MacStep(
        name="ties",
        inputs=("x",),
        output="ties",
        operation=MacOperation.CONV2D,
        weights=drawn(7, -2, 2, outputs, 1, 1, SHAPE[2]).astype(np.int8),
        bias=drawn(8, -9, 9, outputs),
        fields={
            "multiplier": np.full(outputs, one) if per_channel else one,
            "shift": datapath.scale.magnitude_bits + 1,
            "inverse_shift": shifts,
            "x_zero": 0,
            "y_zero": 0,
            "low": -128,
            "high": 127,
        },
    )
