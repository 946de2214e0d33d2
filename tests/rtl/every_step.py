"""A program with every kind of step that has a bench, on the default datapath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npusim.datapath import Datapath
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.steps.add import AddStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step, TensorType
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.maximum import MaximumStep
from npusim.steps.minimum import MinimumStep
from npusim.steps.mul import MulStep
from npusim.steps.pad import PadStep
from npusim.steps.recode import RecodeStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.resize_nearest import ResizeNearestStep
from npusim.steps.slice import SliceStep
from npusim.steps.sub import SubStep
from npusim.steps.table import TableStep
from npusim.steps.transpose import TransposeStep
from tests.vectors.programs import WES

SHAPES = {
    "a": (6, 6, 4),
    "b": (6, 6, 4),
    "row": (1, 6, 4),
    "one": (1, 1, 1),
    "m": (2, 5, 19),
    "n": (2, 19, 7),
}
CLAMP = {"y_zero": -9, "low": -90, "high": 100}
A, B = {"x_zero": 7, "multiplier": 45056}, {"x_zero": -11, "multiplier": 61440}
SCALED_A, SCALED_B = {**A, "shift": 16, **CLAMP}, {**B, "shift": 17, **CLAMP}
RNG = np.random.default_rng(21)


def _steps() -> Iterator[Step]:
    def two(kind: type[Any], name: str, first: str = "a", second: str = "b", **content: Any) -> Step:
        made: Step = kind(name=name, inputs=(first, second), output=f"{name}_y", **content)
        return made

    def one(kind: type[Any], name: str, x: str = "a", **content: Any) -> Step:
        made: Step = kind(name=name, inputs=(x,), output=f"{name}_y", **content)
        return made

    sums: dict[str, Any] = {"operand_fields": (A, B), "fields": {"shift": 16, **CLAMP}}
    yield two(AddStep, "add", **sums)
    yield two(AddStep, "add_repeated", second="row", **sums)
    yield two(SubStep, "sub_repeated", first="row", **sums)
    product = {"multiplier": 45056, "shift": 22, **CLAMP}
    yield two(
        MulStep, "mul_repeated", second="one", operand_fields=({"x_zero": 7}, {"x_zero": -11}), fields=product
    )
    yield two(MaximumStep, "maximum", operand_fields=(SCALED_A, SCALED_B))
    yield two(MinimumStep, "minimum", second="row", operand_fields=(None, SCALED_B))
    yield two(MinimumStep, "minimum_of_codes", operand_fields=(None, None))
    yield two(ConcatStep, "concat", operand_fields=(None, SCALED_B))
    yield two(ConcatStep, "concat_rows", axis=0, operand_fields=(SCALED_A, SCALED_B))
    yield one(
        AveragePoolStep, "average", kernel=(3, 3), padding=((1, 1), (1, 1)), x_zero=7,
        counts=np.array([4, 6, 9]), multipliers=np.array([32768, 43690, 58254]),
        shifts=np.array([17, 18, 19]), fields=CLAMP,
    )  # fmt: skip
    yield one(
        AveragePoolStep, "mean", kernel=(6, 6), keep_dims=False, x_zero=7, counts=np.array([36]),
        multipliers=np.array([58254]), fields={"shift": 20, **CLAMP},
    )  # fmt: skip
    yield one(MaxPoolStep, "max", kernel=(3, 2), stride=(2, 2), padding=((1, 1), (0, 1)))
    yield one(TableStep, "table", fields={"table": RNG.integers(-128, 128, 256)})
    yield one(RecodeStep, "recode", bits=8, signed=False, table=RNG.integers(0, 256, (4, 256)))
    yield one(ClampStep, "clamp_unsigned", x="recode_y", low=20, high=200)
    yield one(ClampStep, "clamp", low=-20, high=90)
    axis = {"s": np.arange(5), "_weights": np.array([0, 1024, 512, 2047, 1])}
    yield one(
        ResizeBilinearStep, "bilinear", fields={"low": -90, "high": 100},
        **{f"{name}{part}": values for name in ("row", "column") for part, values in axis.items()},
    )  # fmt: skip
    halves = np.arange(9) * 6 // 9
    yield one(ResizeNearestStep, "nearest", rows=halves, columns=np.array([0, 2, 4]))
    yield one(PadStep, "pad", pads=((1, 0), (0, 2), (0, 1)), value=-7)
    yield one(SliceStep, "slice", cuts=((0, 6, 1), (1, 6, 2), (1, 3, 1)))
    yield one(TransposeStep, "transpose", permutation=(2, 0, 1))
    yield one(ReshapeStep, "reshape", shape=(4, 36))
    yield two(
        MatmulStep, "matmul", "m", "n", operand_fields=({"x_zero": 7}, {"x_zero": -11}),
        fields={"multiplier": 32768, "shift": 23, **CLAMP},
    )  # fmt: skip
    yield two(
        MatmulStep, "matmul_kept", "m", "n", operand_fields=({"x_zero": 0}, {"x_zero": 3}),
        fields={}, keeps="accumulators",
    )  # fmt: skip


def every_step(datapath: Datapath = WES) -> Program:
    """The program; every step's output is one of its outputs."""
    steps = list(_steps())
    tensors = {name: TensorType(shape=shape, bits=8) for name, shape in SHAPES.items()}
    for step in steps:
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
    return Program(
        name="every_step",
        input_names=tuple(SHAPES),
        output_names=tuple(step.output for step in steps if step.output != "recode_y"),
        tensors=tensors,
        steps=tuple(steps),
        datapath=datapath,
    )


def images(program: Program, count: int = 2) -> dict[str, np.ndarray]:
    """Codes for every input, the ends of their range among them."""
    rng = np.random.default_rng(3)
    codes: Interval = program.datapath.activation.interval
    return {
        tensor.name: np.clip(
            rng.integers(codes.low - 12, codes.high + 13, (count, *tensor.shape)), codes.low, codes.high
        ).astype(np.int8)
        for tensor in program.inputs
    }
