"""Add, Sub, Mul, Div, Min, Max, Sum, Neg: with constants, or of two tensors."""

from __future__ import annotations

import numpy as np

from npusim.importers.onnx.binary import stored_constant, two
from npusim.importers.onnx.builder import Builder, Tensor, float_array
from npusim.importers.onnx.converters.activations import clipped
from npusim.importers.onnx.converters.normalization import is_affine, scaled, shifted
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.layers.mac_layer import MacLayer


def _operands(node: OnnxNode, builder: Builder) -> tuple[Tensor, Tensor | Array, bool]:
    """(a tensor, the other operand, whether the tensor is the second one)."""
    if len(node.inputs) != 2:
        raise node.error("two inputs are wanted", found=len(node.inputs))
    a, b = builder.value(node, 0), builder.value(node, 1)
    if isinstance(a, Tensor):
        return a, b, False
    if isinstance(b, Tensor):
        return b, a, True
    raise node.error("a computed input is wanted")


def add(node: OnnxNode, builder: Builder) -> Tensor:
    """Add; a constant behind a convolution or a matrix product is its bias."""
    x, other, _ = _operands(node, builder)
    if isinstance(other, Tensor):
        return two(node, builder, "add", x, other)
    index = next(i for i in range(2) if isinstance(builder.value(node, i), Tensor))
    layer = builder.layers.get(x.name)
    vector = builder.stored_vector(x, other)
    free = isinstance(layer, MacLayer) and layer.bias is None and layer.clip is None
    if free and vector is not None and builder.read_once(node, index) and vector.size == x.stored[-1]:
        builder.layers[x.name] = layer.replace(bias=float_array(vector))  # type: ignore[union-attr]
        return x
    return _shifted(node, builder, x, other)


def _shifted(node: OnnxNode, builder: Builder, x: Tensor, values: Array) -> Tensor:
    if is_affine(builder, x, values):
        return shifted(node, builder, x, values)
    return two(node, builder, "add", x, stored_constant(node, builder, values, x))


def _scaled(node: OnnxNode, builder: Builder, x: Tensor, values: Array) -> Tensor:
    if is_affine(builder, x, values):
        return scaled(node, builder, x, values)
    return two(node, builder, "mul", x, stored_constant(node, builder, values, x))


def subtract(node: OnnxNode, builder: Builder) -> Tensor:
    """Sub."""
    x, other, swapped = _operands(node, builder)
    if isinstance(other, Tensor):
        return two(node, builder, "sub", x, other)
    if swapped:
        return _shifted(node, builder, scaled(node, builder, x, np.array([-1], np.float32)), other)
    return _shifted(node, builder, x, -float_array(other))


def multiply(node: OnnxNode, builder: Builder) -> Tensor:
    """Mul."""
    x, other, _ = _operands(node, builder)
    if isinstance(other, Tensor):
        return two(node, builder, "mul", x, other)
    return _scaled(node, builder, x, other)


def divide(node: OnnxNode, builder: Builder) -> Tensor:
    """Div by a constant."""
    x, other, swapped = _operands(node, builder)
    if isinstance(other, Tensor) or swapped:
        raise node.error("division by a computed tensor", allowed="division by a constant")
    if not np.all(other):
        raise node.error("division by zero")
    return _scaled(node, builder, x, 1 / float_array(other))


def negate(node: OnnxNode, builder: Builder) -> Tensor:
    """Neg."""
    return scaled(node, builder, builder.tensor(node), np.array([-1], np.float32))


def power(node: OnnxNode, builder: Builder) -> Tensor:
    """Pow with the exponent 1 or 2."""
    x, exponent = builder.tensor(node), builder.scalar(node, 1)
    if exponent not in {1.0, 2.0}:
        raise node.error("no such power", found=exponent, allowed="1 or 2")
    return x if exponent == 1 else two(node, builder, "mul", x, x)


def sum_(node: OnnxNode, builder: Builder) -> Tensor:
    """Sum of any number of tensors, one after the other."""
    made = builder.tensor(node)
    for index in range(1, len(node.inputs)):
        made = two(node, builder, "add", made, builder.tensor(node, index))
    return made


def _extreme(kind: str) -> Converter:
    def converter(node: OnnxNode, builder: Builder) -> Tensor:
        x, other, _ = _operands(node, builder)
        if isinstance(other, Tensor):
            return two(node, builder, kind, x, other)
        if other.size != 1:
            return two(node, builder, kind, x, stored_constant(node, builder, other, x))
        bound = float(other.reshape(-1)[0])
        return clipped(node, builder, x, *((None, bound) if kind == "minimum" else (bound, None)))

    return converter


CONVERTERS: dict[str, Converter] = {
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "Neg": negate,
    "Pow": power,
    "Sum": sum_,
    "Min": _extreme("minimum"),
    "Max": _extreme("maximum"),
}
