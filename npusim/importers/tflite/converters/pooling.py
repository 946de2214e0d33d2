"""Pools."""

from __future__ import annotations

import numpy as np

from npusim.geometry import image_shape
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator
from npusim.importers.tflite.scales import clip
from npusim.importers.tflite.windows import paddings, strides
from npusim.model import Pads, Pair
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.clamp import ClampStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pool_windows import window_counts


def _window(operator: Operator, builder: Builder, x: str) -> tuple[Pair, Pair, Pads]:
    kernel = (operator.integer("FilterHeight"), operator.integer("FilterWidth"))
    if min(kernel) < 1:
        raise operator.error("the window must be positive", found=kernel)
    stride = strides(operator)
    return kernel, stride, paddings(operator, builder.shape(x), kernel, stride)


def _average(operator: Operator, builder: Builder) -> None:
    """Sums of codes, divided: the scale stays, so that no zero point is taken off."""
    x, y = builder.value(operator, 0), builder.output(operator)
    kernel, stride, padding = _window(operator, builder, x)
    rows, columns, _ = image_shape(builder.shape(x))
    counts = np.unique(window_counts((rows, columns), kernel, stride, padding, False))
    low, high, _ = clip(operator, y, operator.integer("FusedActivationFunction"), builder.datapath.activation)
    made = builder.add(
        AveragePoolStep,
        y.name,
        (x,),
        kernel=kernel,
        stride=stride,
        padding=padding,
        x_zero=0,
        counts=counts,
        fields={"low": low, "high": high},
    )
    builder.finish(operator, made)


def _maximum(operator: Operator, builder: Builder) -> None:
    x, y = builder.value(operator, 0), builder.output(operator)
    kernel, stride, padding = _window(operator, builder, x)
    function = operator.integer("FusedActivationFunction")
    low, high, activation = clip(operator, y, function, builder.datapath.activation)
    name = f"{y.name}/pooled" if function else y.name
    made = builder.add(MaxPoolStep, name, (x,), kernel=kernel, stride=stride, padding=padding)
    if function:
        made = builder.add(ClampStep, y.name, (made,), low=low, high=high, activation=activation)
    builder.finish(operator, made)


CONVERTERS = {"AVERAGE_POOL_2D": _average, "MAX_POOL_2D": _maximum}
