"""Every step goes to disk and comes back; bad documents name the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.program import STEPS, load_program
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.add import AddStep
from npusim.steps.add_words import AddWordsStep
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.arithmetic_right_shift import ArithmeticRightShiftStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.average_pool_float32 import AveragePoolFloat32Step
from npusim.steps.base import Step, TensorType
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.constant import ConstantStep
from npusim.steps.digit import DigitStep
from npusim.steps.fields import Activation
from npusim.steps.interleave import InterleaveStep
from npusim.steps.interpolate_words import InterpolateWordsStep
from npusim.steps.l2_normalization import L2NormalizationStep
from npusim.steps.mac import MacStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.maximum import MaximumStep
from npusim.steps.minimum import MinimumStep
from npusim.steps.mul import MulStep
from npusim.steps.mul_words import MulWordsStep
from npusim.steps.pad import PadStep
from npusim.steps.recode import RecodeStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.rescale_words import RescaleWordsStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.resize_float32 import ResizeFloat32Step
from npusim.steps.resize_nearest import ResizeNearestStep
from npusim.steps.slice import SliceStep
from npusim.steps.softmax import SoftmaxStep
from npusim.steps.sub import SubStep
from npusim.steps.sub_words import SubWordsStep
from npusim.steps.sum_orders import SumOrdersStep
from npusim.steps.table import TableStep
from npusim.steps.transpose import TransposeStep
from npusim.steps.weighted_resize import WeightedResizeStep
from tests.steps.one_step import CHANNELWISE, WES, one_step

X = {"name": "step", "inputs": ("x",), "output": "y"}
TWO = {**X, "inputs": ("a", "b")}
RESULT = {"shift": 3, "y_zero": 0, "low": -128, "high": 127}
OPERAND = {"x_zero": -3, "multiplier": 1}
MANY = np.arange(1, 101)

CASES: list[tuple[Step, list[tuple[int, ...]]]] = [
    (
        AddStep(**TWO, operand_fields=(OPERAND, OPERAND), fields=RESULT, activation=Activation.LOW),
        [(2, 2)] * 2,
    ),
    (
        AddStep(**TWO, operand_fields=({**OPERAND, "multiplier": MANY}, OPERAND), fields=RESULT),
        [(1, 1, 100)] * 2,
    ),
    (
        AveragePoolStep(
            **X,
            kernel=(2, 1),
            padding=((1, 0), (0, 0)),
            x_zero=5,
            counts=np.array([1, 2]),
            multipliers=np.array([9, 4]),
            fields=RESULT,
        ),
        [(3, 3, 2)],
    ),
    (MaxPoolStep(**X, kernel=(2, 2), stride=(2, 2), padding=((0, 1), (0, 1))), [(3, 3, 2)]),
    (ConcatStep(**TWO, axis=0, operand_fields=(None, {**OPERAND, **RESULT})), [(2, 2, 1)] * 2),
    (PadStep(**X, pads=((1, 0), (0, 2)), value=-7), [(2, 3)]),
    (ReshapeStep(**X, shape=(2, 1, 3)), [(6,)]),
    (ClampStep(**X, low=-3, high=9, activation=Activation.LOW), [(6,)]),
    (SubStep(**TWO, operand_fields=(OPERAND, OPERAND), fields=RESULT), [(2, 2), (1, 2)]),
    (
        MulStep(**TWO, operand_fields=({"x_zero": 1}, {"x_zero": 2}), fields={**RESULT, "multiplier": 7}),
        [(2, 2)] * 2,
    ),
    (
        MatmulStep(**TWO, operand_fields=({"x_zero": 1}, {"x_zero": 2}), fields={**RESULT, "multiplier": 7}),
        [(2, 3), (3, 4)],
    ),
    (MinimumStep(**TWO, operand_fields=(None, {**OPERAND, **RESULT})), [(2, 2)] * 2),
    (
        MaximumStep(**TWO, operand_fields=({**OPERAND, **RESULT}, None), activation=Activation.HIGH),
        [(2, 2)] * 2,
    ),
    (TableStep(**X, fields={"table": np.arange(-128, 128)}), [(6,)]),
    (
        ResizeBilinearStep(
            **X,
            rows=np.array([0, 0, 1]),
            row_weights=np.array([0, 1024, 5]),
            columns=np.array([1]),
            column_weights=np.array([2047]),
            fields={"low": -128, "high": 127},
        ),
        [(2, 2, 3)],
    ),
    (ResizeNearestStep(**X, rows=np.array([0, 0]), columns=np.array([1])), [(2, 2, 3)]),
    (SliceStep(**X, cuts=((0, 2, 1), (1, 6, 2))), [(2, 6)]),
    (TransposeStep(**X, permutation=(1, 0)), [(2, 6)]),
    (ArgmaxStep(**X, axis=0), [(2, 6)]),
    (InterleaveStep(**TWO, grid=(2, 1)), [(3, 2, 1), (2, 2, 1)]),
]


@pytest.mark.parametrize(("step", "shapes"), CASES, ids=lambda case: getattr(case, "kind", ""))
def test_a_step_comes_back_as_it_was(tmp_path: Path, step: Step, shapes: list[Any]) -> None:
    program = one_step(step, shapes, CHANNELWISE)
    program.save(tmp_path / "p.yaml")
    again = load_program(tmp_path / "p.yaml")
    assert type(again.steps[0]) is type(step)
    assert same_values(again.steps[0].model_dump(), step.model_dump())
    again.save(tmp_path / "q.yaml")
    text = (tmp_path / "p.yaml").read_text().replace("p.h5", "q.h5")
    assert (tmp_path / "q.yaml").read_text() == text


ELSEWHERE = {
    AccumulateStep,
    DigitStep,
    AddWordsStep,
    ArithmeticRightShiftStep,
    AveragePoolFloat32Step,
    ConstantStep,
    InterpolateWordsStep,
    L2NormalizationStep,
    MacStep,
    MulWordsStep,
    RecodeStep,
    RescaleStep,
    RescaleWordsStep,
    ResizeFloat32Step,
    SoftmaxStep,
    SubWordsStep,
    SumOrdersStep,
    WeightedResizeStep,
}
"""Steps that need more than a test of all of them gives them."""


def test_no_step_is_left_out() -> None:
    assert {type(step) for step, _ in CASES} | ELSEWHERE == set(STEPS.values())


@pytest.mark.parametrize(
    ("line", "instead", "key"),
    [
        ("value: -7", "value: 300", "steps[0].value"),
        ("value: -7", "value: seven", "steps[0].value"),
        ("value: -7", "valeu: -7", "steps[0].valeu"),
        ("step: pad", "step: pat", "steps[0].step"),
    ],
)
def test_a_bad_document_names_file_line_and_key(tmp_path: Path, line: str, instead: str, key: str) -> None:
    path = tmp_path / "p.yaml"
    one_step(PadStep(**X, pads=((1, 0), (0, 2)), value=-7), [(2, 3)]).save(path)
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, instead))
    with pytest.raises(InputError) as caught:
        load_program(path)
    assert (caught.value.file, caught.value.key) == (str(path), key)
    assert caught.value.line is not None


COPIES = (
    ClampStep,
    MaxPoolStep,
    PadStep,
    ReshapeStep,
    ResizeNearestStep,
    SliceStep,
    TransposeStep,
    InterleaveStep,
    ArgmaxStep,
)


@pytest.mark.parametrize(("step", "shapes"), CASES, ids=lambda case: getattr(case, "kind", ""))
def test_codes_of_another_width_are_refused_where_pipelines_read_them(step: Step, shapes: list[Any]) -> None:
    wide = [TensorType(shape=shape, bits=16) for shape in shapes]
    if isinstance(step, COPIES):
        assert step.output_type(wide, WES).bits in {16, 32}
        return
    with pytest.raises(InputError) as caught:
        step.check(wide, WES)
    assert caught.value.key == "inputs[0]"
