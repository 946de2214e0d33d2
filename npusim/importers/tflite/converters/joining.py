"""Tensors put together: concatenation, pack."""

from __future__ import annotations

from npusim.importers.tflite import functions
from npusim.importers.tflite.axes import counted
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.converters.functions_of_codes import recoded
from npusim.importers.tflite.graph import Operator
from npusim.model import Shape
from npusim.steps.concat import ConcatStep


def _concatenation(operator: Operator, builder: Builder) -> None:
    if operator.integer("FusedActivationFunction"):
        raise operator.error("a fused activation function is not supported")
    y = builder.output(operator)
    values = []
    for place in range(len(operator.inputs)):
        x, value = builder.tensor(operator, place), builder.value(operator, place)
        differs = x.scale != y.scale or x.zero_point != y.zero_point
        if differs and y.kind == "UINT8":
            value = recoded(builder, value, x, y, functions.float_rescale(x, y))
        values.append(value)
    shapes = [tuple(builder.tensor(operator, place).shape) for place in range(len(operator.inputs))]
    _join(operator, builder, values, shapes, counted(operator, operator.integer("Axis"), len(y.shape)))


def _pack(operator: Operator, builder: Builder) -> None:
    y = builder.output(operator)
    axis = counted(operator, operator.integer("Axis"), len(y.shape))
    values = [builder.value(operator, place) for place in range(len(operator.inputs))]
    shape = (*y.shape[:axis], 1, *y.shape[axis + 1 :])
    _join(operator, builder, values, [shape] * len(values), axis)


def _join(operator: Operator, builder: Builder, values: list[str], shapes: list[Shape], axis: int) -> None:
    """Values behind each other along an axis of the model's shapes."""
    name = builder.output(operator).name
    short = 1 if axis > 0 and all(shape[0] == 1 for shape in shapes) else 0
    values = [
        builder.reshaped(value, shape[short:], f"{name}/{place}")
        for place, (value, shape) in enumerate(zip(values, shapes, strict=True))
    ]
    made = builder.add(ConcatStep, name, values, axis=axis - short, operand_fields=(None,) * len(values))
    builder.finish(operator, made)


CONVERTERS = {"CONCATENATION": _concatenation, "PACK": _pack}
