"""A program on a datapath that fills its registers otherwise: refused, or the same multipliers refilled."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import npusim
from npusim.analysis import refilled_for
from npusim.datapath import load_datapath
from npusim.program import Program
from npusim.spec.rounding import Rounding, divide
from npusim.steps.base import TensorType
from npusim.steps.mac import MacOperation, MacStep
from tests.simulator.programs import batch, compiled

TFLITE, SINGLE = load_datapath("tflite"), load_datapath("tflite_single_round")
MULTIPLIER, EXPONENT = 1518500250, -3  # the real multiplier is MULTIPLIER / 2**31 * 2**EXPONENT


def conv() -> Program:
    """A 1x1 convolution of one channel to two."""
    fields = {"multiplier": MULTIPLIER, "left_shift": 0, "shift": -EXPONENT}
    step = MacStep(
        name="conv",
        inputs=("x",),
        output="y",
        operation=MacOperation.CONV2D,
        weights=np.array([7, -3], np.int8).reshape(2, 1, 1, 1),
        bias=np.array([11, -4], np.int32),
        fields={**fields, "x_zero": 5, "y_zero": 1, "low": -128, "high": 127},
    )
    x, y = (TensorType(shape=(1, 1, channels), bits=8, signed=True) for channels in (1, 2))
    return Program(
        name="conv",
        input_names=("x",),
        output_names=("y",),
        tensors={"x": x, "y": y},
        steps=(step,),
        datapath=TFLITE,
    )


def test_registers_that_mean_something_else_are_refused() -> None:
    with pytest.raises(npusim.InputError, match="does not read the register shift as tflite fills it"):
        npusim.simulate(conv(), np.zeros((1, 1, 1, 1), np.int8), datapath=SINGLE)


def test_refilled_registers_hold_the_same_multiplier() -> None:
    codes = np.arange(-128, 128, dtype=np.int8).reshape(-1, 1, 1, 1)
    made = npusim.simulate(refilled_for(conv(), SINGLE), codes, datapath=SINGLE).outputs["y"]
    real = Fraction(MULTIPLIER, 1 << 31) * Fraction(2) ** EXPONENT
    for x, row in zip(codes.ravel().tolist(), made.reshape(-1, 2).tolist(), strict=True):
        for weight, bias, y in zip((7, -3), (11, -4), row, strict=True):
            exact = ((x - 5) * weight + bias) * real
            rounded = divide(exact.numerator, exact.denominator, Rounding.HALF_UP) + 1
            assert y == min(max(rounded, -128), 127)


def test_a_program_is_left_alone_where_registers_mean_the_same() -> None:
    assert refilled_for(compiled(), load_datapath("wes_npu_floor")) is compiled()


def test_biases_with_folded_zero_points_are_refused_where_the_mac_subtracts() -> None:
    with pytest.raises(npusim.InputError, match="were made for another MAC"):
        npusim.simulate(compiled(), batch(1), datapath=load_datapath("wes_npu_subtract"))
