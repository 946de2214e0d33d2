"""Devices that break one rule of a step without weights, made without the catalogue of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim
from npusim.datapath.load import change_datapath
from npusim.program import Program
from npusim.steps.add import AddStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step, TensorType
from npusim.steps.concat import ConcatStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.maximum import MaximumStep
from npusim.steps.minimum import MinimumStep
from npusim.steps.mul import MulStep
from npusim.steps.recode import RecodeStep
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.sub import SubStep
from npusim.steps.table import TableStep
from tests.analysis.builders import WES

RNG = np.random.default_rng(21)
SHAPE = (6, 6, 4)
CLAMP = {"y_zero": -9, "low": -90, "high": 100}
A, B = {"x_zero": 7, "multiplier": 45056}, {"x_zero": -11, "multiplier": 61440}
TWO: dict[str, Any] = {"name": "step", "inputs": ("a", "b"), "output": "y"}
ONE: dict[str, Any] = {"name": "step", "inputs": ("a",), "output": "y"}
TABLE = RNG.integers(-128, 128, 256)
AXIS = {"s": np.arange(5), "_weights": np.array([0, 1024, 512, 2047, 1024])}
STEPS: dict[str, Step] = {
    "add": AddStep(**TWO, operand_fields=(A, B), fields={"shift": 16, **CLAMP}),
    "sub": SubStep(**TWO, operand_fields=(A, B), fields={"shift": 16, **CLAMP}),
    "mul": MulStep(
        **TWO,
        operand_fields=({"x_zero": 7}, {"x_zero": -11}),
        fields={"multiplier": 45056, "shift": 22, **CLAMP},
    ),
    "pool": AveragePoolStep(
        **ONE,
        kernel=(3, 3),
        padding=((1, 1), (1, 1)),
        x_zero=7,
        counts=np.array([4, 6, 9]),
        multipliers=np.array([32768, 43690, 58254]),
        shifts=np.array([17, 18, 19]),
        fields=CLAMP,
    ),
    "concat": ConcatStep(**TWO, operand_fields=(None, {**B, "shift": 16, **CLAMP})),
    "concat both": ConcatStep(
        **TWO, axis=0, operand_fields=({**A, "shift": 17, **CLAMP}, {**B, "shift": 16, **CLAMP})
    ),
    "maximum": MaximumStep(**TWO, operand_fields=({**A, "shift": 16, **CLAMP}, {**B, "shift": 16, **CLAMP})),
    "table": TableStep(**ONE, fields={"table": TABLE}),
    "recode": RecodeStep(**ONE, bits=8, signed=True, table=TABLE.reshape(1, -1)),
    "resize": ResizeBilinearStep(
        **ONE,
        **{f"{name}{part}": values for name in ("row", "column") for part, values in AXIS.items()},
        fields={"low": -90, "high": 100},
    ),
    "matmul": MatmulStep(
        **TWO,
        operand_fields=({"x_zero": 7}, {"x_zero": -11}),
        fields={"multiplier": 32768, "shift": 23, **CLAMP},
    ),
}


def program(name: str) -> Program:
    """One step as a program."""
    return _program(STEPS[name])


def _program(step: Step) -> Program:
    shapes = dict.fromkeys(step.inputs, SHAPE if step.kind != "matmul" else (9, 9, 9))
    tensors = {tensor: TensorType(shape=shape, bits=8) for tensor, shape in shapes.items()}
    tensors["y"] = step.output_type([tensors[tensor] for tensor in step.inputs], WES)
    return Program(
        name="one", input_names=step.inputs, output_names=("y",), tensors=tensors, steps=(step,), datapath=WES
    )


@dataclass(frozen=True)
class StepMutant:
    """A device: which step it gets wrong, what its rule is called, what it answers."""

    step: str
    name: str
    rules: tuple[str, ...]
    run: Callable[[dict[str, Any]], Any]


def inputs(name: str) -> dict[str, Any]:
    """Codes for a step, its ends among them."""
    kinds = {tensor: program(name).tensors[tensor] for tensor in STEPS[name].inputs}
    rng = np.random.default_rng(3)
    return {
        tensor: np.clip(rng.integers(-140, 140, (4, *kind.shape)), -128, 127).astype(np.int8)
        for tensor, kind in kinds.items()
    }


def step_mutants() -> Iterator[StepMutant]:
    """All of them."""
    for name, index in {"add": 0, "sub": 0, "mul": 1, "pool": 1, "matmul": 1, "resize": 0}.items():
        place = "average_pool" if name == "pool" else name
        yield _datapath(
            name, {f"pipelines.{place}.result[{index}].rounding": "half_away"}, "rounds half_away"
        )
        yield _datapath(name, {f"pipelines.{place}.result[{index}].rounding": "floor"}, "rounds floor")
    for name in ("concat", "concat both"):
        yield _datapath(name, {"pipelines.concat.operand[2].rounding": "half_even"}, "rounds half_even")
        yield _datapath(name, {"pipelines.concat.operand[0].operand": "x_zero"}, "-x_zero has the other sign")
        yield _fields(name, "operand_fields", {"high": 127}, "high is not applied")
    yield _fields("concat", "operand_fields", {"shift": 15}, "one bit too little")
    for name in ("add", "sub", "mul", "matmul"):
        operand = f"pipelines.{name}.operand[0].operand"
        yield _datapath(name, {operand: "x_zero"}, "-x_zero has the other sign")
        yield _fields(name, "fields", {"shift": lambda v: v + 1}, "one bit too far")
        yield _fields(name, "fields", {"y_zero": lambda v: -v}, "y_zero has the other sign")
        yield _fields(name, "fields", {"low": -128}, "low is not applied")
    last = {"add": 2, "sub": 2, "mul": 3, "pool": 3}
    for name, index in last.items():
        place = "average_pool" if name == "pool" else name
        wraps = {f"pipelines.{place}.result[{index}]": {"stage": "wrap", "to": 8}}
        yield _datapath(name, wraps, "wraps to 8 bits")
    yield _swapped("add")
    yield _swapped("sub")
    yield _other("add", SubStep, "a difference is made")
    yield StepMutant("mul", "sum", ("a sum is made",), _sum_for_product)
    yield _other("sub", AddStep, "a sum is made")
    yield _other("maximum", MinimumStep, "the minimum is taken")
    yield StepMutant("sub", "exchanged", ("operands of the difference are exchanged",), _exchanged_difference)
    yield StepMutant("add", "ignores b", ("second operand is ignored",), _ignoring)
    yield StepMutant("concat both", "order", ("stand in the other order",), _exchanged_inputs)
    yield _datapath("maximum", {"pipelines.concat.operand[2].rounding": "half_even"}, "rounds half_even")
    yield _pool_zero()
    yield _fields("pool", None, {"multipliers": lambda v: v & 0x7FFF}, "multiplier is one bit short")
    for name in ("table", "recode"):
        for text, turned in (
            ("without 2^7", np.roll(TABLE, 128)),
            ("one entry too high", np.roll(TABLE, -1)),
            ("one entry too low", np.roll(TABLE, 1)),
            ("from its other end", TABLE[::-1]),
            ("without the lowest bit", TABLE[np.arange(256) & ~1]),
        ):
            yield StepMutant(
                name, text, (text,), lambda x, t=turned: t[x["a"].astype(np.int64) + 128].astype(np.int8)
            )


def _answers(made: Program, x: dict[str, Any], datapath: Any = None) -> Any:
    return npusim.simulate(made, x, datapath=datapath).outputs["y"]


def _datapath(step: str, changes: dict[str, Any], text: str) -> StepMutant:
    mutated = change_datapath(WES, changes, "mutant")
    return StepMutant(step, text, (text,), lambda x: _answers(program(step), x, mutated))


def _fields(step: str, key: str | None, changes: dict[str, Any], text: str) -> StepMutant:
    """Registers (of the step itself, where `key` is None) that hold something else."""
    whole = STEPS[step]

    def changed(fields: Any) -> Any:
        if fields is None:
            return None
        new = {name: to(fields[name]) if callable(to) else to for name, to in changes.items()}
        return {**fields, **new}

    if key is None:
        wrong = whole.replace(**{name: to(getattr(whole, name)) for name, to in changes.items()})
    else:
        found = getattr(whole, key)
        wrong = whole.replace(
            **{key: tuple(map(changed, found)) if isinstance(found, tuple) else changed(found)}
        )
    return StepMutant(step, text, (text,), lambda x: _answers(_program(wrong), x))


def _swapped(step: str) -> StepMutant:
    whole: Any = STEPS[step]
    wrong = whole.replace(operand_fields=whole.operand_fields[::-1])
    text = "registers of the two operands are exchanged"
    return StepMutant(step, text, (text,), lambda x: _answers(_program(wrong), x))


def _other(step: str, kind: type[Step], text: str) -> StepMutant:
    content = STEPS[step].model_dump(exclude={"step"})
    return StepMutant(step, text, (text,), lambda x: _answers(_program(kind(**content)), x))


def _exchanged_difference(x: dict[str, Any]) -> Any:
    whole: Any = STEPS["sub"]
    wrong = whole.replace(operand_fields=whole.operand_fields[::-1])
    return _answers(_program(wrong), {"a": x["b"], "b": x["a"]})


def _ignoring(x: dict[str, Any]) -> Any:
    zero = np.full_like(x["b"], B["x_zero"])
    return _answers(program("add"), {**x, "b": zero})


def _exchanged_inputs(x: dict[str, Any]) -> Any:
    return _answers(program("concat both"), {"a": x["b"], "b": x["a"]})


def _sum_for_product(x: dict[str, Any]) -> Any:
    fields = STEPS["mul"].fields
    sums = (x["a"].astype(np.int64) - 7) + (x["b"].astype(np.int64) + 11)
    rounded = (sums * fields["multiplier"] + (1 << fields["shift"] - 1)) >> fields["shift"]
    return np.clip(rounded + fields["y_zero"], fields["low"], fields["high"]).astype(np.int8)


def _pool_zero() -> StepMutant:
    whole: Any = STEPS["pool"]
    wrong = whole.replace(x_zero=0)
    text = "x_zero is not taken off"
    return StepMutant("pool", text, (text,), lambda x: _answers(_program(wrong), x))
