"""Averages of windows and of whole images."""

from __future__ import annotations

from math import prod

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.window import read_window
from npusim.importers.qdq.builder import StepBuilder
from npusim.importers.qdq.fused import Fused, single_bits


def _global_average(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearGlobalAveragePool: the sum of all pixels, rescaled once."""
    node, (x, meaning) = fused.node, fused.tensor(0, builder)
    if x.rank not in {3, 4} or x.shape[0] != 1:
        raise node.error("averages of images and signals are supported", found=x.shape)
    name, stored = builder.take_image(node, x)
    pixels = prod(x.shape[2:])
    scale = np.float32(meaning.scale / np.float32(fused.result.scale * np.float32(pixels)))
    made = builder.emit(
        node,
        "average_pool",
        (name,),
        kernel=stored[:2],
        x_zero=meaning.zero,
        counts=np.array([pixels]),
        multipliers=np.array([single_bits(scale)]),
        fields=fused.clips(),
    )
    return builder.image_result(node, x, made, stored)


def stored_size(x: Tensor) -> tuple[int, int]:
    """Rows and columns of an image; a signal is one row."""
    return (1, x.shape[2]) if x.rank == 3 else (x.shape[2], x.shape[3])


def _average(fused: Fused, builder: StepBuilder) -> Tensor:
    """QLinearAveragePool: in float32, one code after the other; a whole image as its global form."""
    node, (x, meaning) = fused.node, fused.tensor(0, builder)
    kernel = node.integers("kernel_shape") or ()
    if x.rank not in {3, 4} or x.shape[0] != 1 or min(kernel, default=0) < 1:
        raise node.error("pools over images and signals are supported", found=x.shape)
    window = read_window(node, x.shape[2:], kernel)
    padded = bool(node.integer("count_include_pad", 0))
    if window.dilation != (1, 1) or (window.overhang and padded):
        raise node.error("dilation, and ceil_mode with count_include_pad, are not supported")
    if window.kernel == stored_size(x) and not any(map(any, window.padding)):
        return _global_average(fused, builder)
    name, stored = builder.take_image(node, x)
    made = builder.emit(
        node,
        "average_pool_float32",
        (name,),
        kernel=window.kernel,
        stride=window.stride,
        padding=window.padding,
        count_padding=padded,
        x_scale=single_bits(meaning.scale),
        x_zero=meaning.zero,
        y_scale=single_bits(fused.result.scale),
        y_zero=fused.result.zero + fused.lift,
        lift=fused.lift,
    )
    return builder.image_result(node, x, made, stored)


CONVERTERS = {"AveragePool": _average, "GlobalAveragePool": _global_average}
