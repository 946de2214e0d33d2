"""The recode and constant steps: codes from tables and from store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.program import Program, load_program
from npusim.steps.add import AddStep
from npusim.steps.base import TensorType
from npusim.steps.constant import ConstantStep
from npusim.steps.recode import RecodeStep
from tests.steps.one_step import WES


def program(step: RecodeStep, shape: tuple[int, ...], **kind: Any) -> Program:
    x = TensorType(shape=shape, **kind)
    y = step.output_type([x], WES)
    return Program(
        name="p",
        input_names=("x",),
        output_names=("y",),
        tensors={"x": x, "y": y},
        steps=(step,),
        datapath=WES,
    )


def recode(table: np.ndarray, bits: int = 8, signed: bool = False) -> RecodeStep:
    return RecodeStep(name="r", inputs=("x",), output="y", bits=bits, signed=signed, table=table)


@pytest.mark.parametrize(("bits", "signed"), [(8, True), (8, False), (4, True), (12, False), (16, True)])
@pytest.mark.parametrize("rows", [1, 3])
def test_every_code(bits: int, signed: bool, rows: int, tmp_path: Path) -> None:
    codes = TensorType(shape=(1,), bits=bits, signed=signed).codes.interval
    table = np.random.default_rng(1).integers(-(1 << 15), 1 << 15, (rows, 1 << bits))
    made = program(recode(table, 16, True), (1 << bits, 3), bits=bits, signed=signed)
    x = np.repeat(np.arange(codes.low, codes.high + 1), 3).reshape(1, -1, 3)
    made.save(tmp_path / "p.yaml")
    again = load_program(tmp_path / "p.yaml")
    assert same_values(again.steps[0].model_dump(), made.steps[0].model_dump())
    found = npusim.simulate(again, x.astype(made.inputs[0].dtype), taps=["r"])
    wanted = np.broadcast_to(table, (3, 1 << bits)).T
    np.testing.assert_array_equal(found.outputs["y"][0], wanted)
    np.testing.assert_array_equal(found.taps["r"]["output"][0], wanted)
    assert found.outputs["y"].dtype == np.int16


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (np.zeros((1, 255), np.int64), "table"),
        (np.zeros((2, 256), np.int64), "table"),
        (np.full((1, 256), -1), "table"),
        (np.full((1, 256), 256), "table"),
    ],
)
def test_tables_that_do_not_fit(table: np.ndarray, key: str) -> None:
    with pytest.raises(InputError) as caught:
        program(recode(table), (3,), bits=8)
    assert caught.value.key == f"steps[0].{key}"


def with_constant(codes: np.ndarray, **content: Any) -> Program:
    x = TensorType(shape=(2, 3), bits=8)
    operand = {"x_zero": 0, "multiplier": 1}
    add = AddStep(
        name="a",
        inputs=("x", "c"),
        output="y",
        operand_fields=(operand, operand),
        fields={"shift": 0, "y_zero": 0, "low": -128, "high": 127},
    )
    return Program(
        name="p",
        input_names=("x",),
        output_names=("y", "c"),
        tensors={"x": x, "y": x, "c": TensorType(shape=codes.shape, bits=8)},
        steps=(ConstantStep(name="c", output="c", codes=codes, **{"inputs": (), **content}), add),
        datapath=WES,
    )


def test_a_constant(tmp_path: Path) -> None:
    codes = np.array([[1, -2, 30]])
    made = with_constant(codes)
    made.save(tmp_path / "p.yaml")
    x = np.arange(12, dtype=np.int8).reshape(2, 2, 3)
    for program in (made, load_program(tmp_path / "p.yaml")):
        for taps in ([], ["c"]):
            outputs = npusim.simulate(program, x, taps=taps).outputs
            np.testing.assert_array_equal(outputs["y"], x + codes)
            np.testing.assert_array_equal(outputs["c"], np.stack([codes, codes]))


def test_constants_that_are_none() -> None:
    with pytest.raises(InputError, match=r"steps\[0\].codes: no activation code; found 128"):
        with_constant(np.array([[128, 0, 0]]))
    with pytest.raises(InputError, match=r"steps\[0\].inputs: a constant reads nothing"):
        with_constant(np.array([[1, 0, 0]]), inputs=("x",))
