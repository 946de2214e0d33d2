"""BatchNormalization, and arithmetic with constants, which is the same thing."""

from __future__ import annotations

import numpy as np

from npusim.importers.onnx.builder import Builder, Tensor, float_array
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.onnx.registry import Converter


def batch_normalization(node: OnnxNode, builder: Builder) -> Tensor:
    """BatchNormalization with the statistics of training."""
    if node.integer("training_mode", 0):
        raise node.error("the model is in training mode", allowed="a model exported for inference")
    x = builder.tensor(node)
    names = ("gamma", "beta", "mean", "variance")
    fields = {name: _channels(node, builder, x, index + 1) for index, name in enumerate(names)}
    return builder.unchanged(node, "batch_norm", x, **fields, epsilon=node.number("epsilon", 1e-5))


def _channels(node: OnnxNode, builder: Builder, x: Tensor, index: int) -> Array:
    values = builder.constant(node, index)
    shape = [1] * x.rank
    if x.rank < 2 or values.shape != (x.shape[1],):
        raise node.error(f"input {index} must hold one value per channel", found=values.shape)
    shape[1] = -1
    vector = builder.stored_vector(x, values.reshape(shape))
    if vector is None:
        raise node.error("the channels are not the last axis that is stored", found=x.shape)
    return float_array(vector)


def scaled(node: OnnxNode, builder: Builder, x: Tensor, values: Array) -> Tensor:
    """``x * values``, one value per channel or one for all."""
    return _affine(node, builder, x, gain=values)


def shifted(node: OnnxNode, builder: Builder, x: Tensor, values: Array) -> Tensor:
    """``x + values``, one value per channel or one for all."""
    return _affine(node, builder, x, offset=values)


def is_affine(builder: Builder, x: Tensor, values: Array) -> bool:
    """Whether a constant holds one value per channel, along whichever axis, or one for all."""
    lengths = (1,) * (x.rank - values.ndim) + values.shape
    if len(lengths) > x.rank:
        return values.size == 1
    fits = all(length in {1, found} for length, found in zip(lengths, x.shape, strict=True))
    alike = builder.stored_vector(x, values) is not None
    return fits and (alike or sum(length > 1 for length in lengths) == 1)


def _affine(
    node: OnnxNode, builder: Builder, x: Tensor, *, gain: Array | None = None, offset: Array | None = None
) -> Tensor:
    values = gain if gain is not None else offset
    if values is None or values.size == 0:
        raise node.error("a constant is empty")
    if values.ndim > x.rank and values.size == 1:
        values = values.reshape(())
    if (values == (0 if gain is None else 1)).all() and values.ndim <= x.rank:
        return x
    x = _with_channels_last(node, builder, x, values)
    vector = builder.stored_vector(x, values)
    if vector is None:
        raise node.error(
            "a constant that differs within a channel", found=values.shape, allowed="one value per channel"
        )
    vector = float_array(vector)
    one, zero = np.ones_like(vector), np.zeros_like(vector)
    return builder.unchanged(
        node,
        "batch_norm",
        x,
        gamma=one if gain is None else vector,
        beta=zero if gain is not None else vector,
        mean=zero,
        variance=one,
        epsilon=0.0,
    )


def _with_channels_last(node: OnnxNode, builder: Builder, x: Tensor, values: Array) -> Tensor:
    """The tensor, moved if the one axis along which the constant differs is not stored last."""
    if builder.stored_vector(x, values) is not None:
        return x
    lengths = (1,) * (x.rank - values.ndim) + values.shape
    axes = [axis for axis, length in enumerate(lengths) if length > 1]
    if len(axes) != 1:
        return x
    order = [axis for axis in builder.natural_order(x) if axis != axes[0]] + axes
    name, stored = builder.take(node, x, order)
    return builder.arranged(name, stored, order, x.rank)


CONVERTERS: dict[str, Converter] = {"BatchNormalization": batch_normalization}
