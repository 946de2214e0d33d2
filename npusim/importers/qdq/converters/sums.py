"""Add and Mul of two tensors of codes, in float32."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.graph import Array
from npusim.importers.qdq.builder import StepBuilder
from npusim.importers.qdq.fused import Fused
from npusim.importers.qdq.quantization import Quantization
from npusim.spec.floats import BINARY32

_MOST = 2**15
"""Ratios of scales beyond this overflow the packing into 16 bits before the last saturation."""

_EVERY_DIGIT = 63
_MOST_EXPONENT = 48


def _single(real: Fraction) -> Fraction:
    """The nearest float32."""
    significand, exponent = BINARY32.decode(BINARY32.encode(abs(real)))
    return (significand if real >= 0 else -significand) * Fraction(2) ** exponent


def _ratio(fused: Fused, ratio: np.float32) -> Fraction:
    if not 0 < ratio < _MOST:
        raise fused.node.error("the scales are too far apart", found=float(ratio), allowed=f"below {_MOST}")
    return Fraction(float(ratio))


def _shapes(fused: Fused, builder: StepBuilder) -> list[tuple[int, ...]]:
    """Both operands' shapes, of one rank."""
    contents = [fused.operand(index).content for index in range(2)]
    rank = max(len(content.shape) for content in contents)
    return [(1,) * (rank - len(content.shape)) + tuple(content.shape) for content in contents]


def _operands(fused: Fused, builder: StepBuilder) -> tuple[list[str], list[Any], tuple[int, ...]]:
    """Both operands in one layout, their shapes there, and which axes those are."""
    node, shapes = fused.node, _shapes(fused, builder)
    contents = [fused.operand(index).content for index in range(2)]
    tensors = [
        builder.view(node, content, shape) if isinstance(content, Tensor) else None
        for content, shape in zip(contents, shapes, strict=True)
    ]
    computed = [tensor for tensor in tensors if tensor is not None]
    if not computed:
        raise node.error("both operands are constants")
    largest = max(computed, key=lambda tensor: int(np.prod(tensor.shape)))
    order = builder.natural_order(largest)
    if any(shape[0] != 1 for shape in shapes) and 0 not in order:
        order = (0, *order)
    names, stored = [], []
    for content, shape, tensor in zip(contents, shapes, tensors, strict=True):
        if tensor is not None:
            name, own = builder.take(node, tensor, order)
        else:
            assert not isinstance(content, Tensor)
            name, own = _constant(fused, builder, content, shape, order)
        names.append(name)
        stored.append(own)
    return names, stored, order


def _constant(
    fused: Fused, builder: StepBuilder, codes: Array, shape: tuple[int, ...], order: tuple[int, ...]
) -> tuple[str, tuple[int, ...]]:
    rest = tuple(axis for axis in range(len(shape)) if axis not in order)
    own = tuple(shape[axis] for axis in order)
    arranged = codes.reshape(shape).transpose((*rest, *order)).reshape(own)
    return builder.constant_codes(fused.node, arranged), own


def _meanings(fused: Fused, builder: StepBuilder) -> list[Quantization]:
    return [fused.checked(fused.operand(index).meaning, builder) for index in range(2)]


def _is_added_first(fused: Fused, builder: StepBuilder) -> int:
    """Which operand the offset is added to: the second one, or the one that is a scalar in the inner loop."""
    a, b = _shapes(fused, builder)
    for length_a, length_b in zip(reversed(a), reversed(b), strict=True):
        if length_a == length_b == 1:
            continue
        return 0 if length_a == 1 else 1
    return 0


def _add(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearAdd: ``fma(v, S_v/S_y, fma(w, S_w/S_y, offset))``, w the operand that is added first."""
    names, stored, order = _operands(fused, builder)
    meanings, y = _meanings(fused, builder), fused.result
    ratios = [_ratio(fused, np.float32(x.scale / y.scale)) for x in meanings]
    first = _is_added_first(fused, builder)
    last = 1 - first
    # The compiler fuses one of both products of zero points into the sum.
    lift = fused.lift
    inner = _single(ratios[first] * (meanings[first].zero + lift))
    zeros = _single(ratios[last] * (meanings[last].zero + lift) + inner)
    offset = _single(y.zero + lift - zeros)
    exponent = max(value.denominator.bit_length() - 1 for value in (*ratios, offset))
    fields = []
    for index, ratio in enumerate(ratios):
        rounded = index == first
        own: dict[str, Any] = {
            "factor": int(ratio * 2**exponent),
            "offset": int((ratio * lift + (offset if rounded else 0)) * 2**exponent),
            "digits": BINARY32.significand_bits if rounded else _EVERY_DIGIT,
        }
        fields.append(own)
    return _combined(
        fused, builder, "add", names, stored, order, fields, {"exponent": exponent, "lift": lift}
    )


def _mul(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearMul: the product of differences to the zero points, times a ratio, plus the zero point."""
    names, stored, order = _operands(fused, builder)
    (a, b), y = _meanings(fused, builder), fused.result
    ratio = _ratio(fused, np.float32(np.float32(a.scale * b.scale) / y.scale))
    exponent = ratio.denominator.bit_length() - 1
    if exponent > _MOST_EXPONENT:
        ratio, exponent = Fraction(0), 0  # no product comes near one half
    fields = {
        "significand": int(ratio * 2**exponent),
        "offset": (y.zero + fused.lift) << exponent,
        "exponent": exponent,
        "lift": fused.lift,
    }
    operands = [{"x_zero": a.zero}, {"x_zero": b.zero}]
    return _combined(fused, builder, "mul", names, stored, order, operands, fields)


def _combined(
    fused: Fused,
    builder: StepBuilder,
    kind: str,
    names: list[str],
    stored: list[Any],
    order: tuple[int, ...],
    operand_fields: list[Any],
    fields: dict[str, int],
) -> Tensor:
    clips = fused.clips()
    bounds = {name: clips[name] for name in ("low", "high")}
    made = builder.emit(
        fused.node,
        kind,
        names,
        operand_fields=tuple(operand_fields),
        fields={**fields, **bounds},
        activation=fused.activation,
    )
    return builder.result(fused.node, made, stored, order)


CONVERTERS = {"Add": _add, "Mul": _mul}
