"""Pools."""

from __future__ import annotations

import numpy as np

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.checks import Two, exact_quotient, require_least, require_rank, zero_point
from npusim.importers.tosa.graph import Operator
from npusim.importers.tosa.images import each_image
from npusim.importers.tosa.schema import KINDS
from npusim.model import Pads
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pool_windows import window_counts


def _window(operator: Operator, builder: Builder) -> tuple[Two, Two, Pads]:
    shape = require_rank(operator, builder, 0, 4)
    kernel, stride = operator.integers("kernel", 2), operator.integers("stride", 2)
    above, below, left, right = operator.integers("pad", 4)
    pads = ((above, below), (left, right))
    require_least(operator, "kernel", kernel, 1)
    require_least(operator, "stride", stride, 1)
    for axis in range(2):
        require_least(operator, "pad", pads[axis], 0)
        if max(pads[axis]) >= kernel[axis]:
            allowed = f"below {kernel[axis]}"
            raise operator.error("pad is as large as the kernel", found=pads[axis], allowed=allowed)
        room = shape[1 + axis] + sum(pads[axis]) - kernel[axis]
        exact_quotient(operator, "an output size", room, stride[axis])
    return (kernel[0], kernel[1]), (stride[0], stride[1]), pads


def _average(operator: Operator, builder: Builder) -> None:
    """The operator makes multiplier and shift of each window's size itself."""
    kernel, stride, padding = _window(operator, builder)
    accumulators = operator.integer("acc_type")
    if accumulators != KINDS.index("INT32"):
        raise operator.error("wrong accumulator type", found=accumulators, allowed="INT32")
    input_zp, output_zp = zero_point(operator, builder, 1), zero_point(operator, builder, 2)
    x = builder.value(operator, 0, signed=True)
    codes = builder.datapath.activation.interval

    def pool(image: str, name: str) -> str:
        rows, columns, _ = builder.shape(image)
        counts = np.unique(window_counts((rows, columns), kernel, stride, padding, False))
        powers = [(count - 1).bit_length() for count in counts.tolist()]
        multipliers = [((2**30 + 1) << k) // n for k, n in zip(powers, counts.tolist(), strict=True)]
        return builder.add(
            AveragePoolStep,
            name,
            (image,),
            kernel=kernel,
            stride=stride,
            padding=padding,
            x_zero=input_zp,
            counts=counts,
            multipliers=np.array(multipliers),
            shifts=np.array([30 + k for k in powers]),
            fields={"y_zero": output_zp, "low": codes.low, "high": codes.high},
        )

    builder.finish(operator, each_image(builder, x, builder.output(operator).name, pool))


def _maximum(operator: Operator, builder: Builder) -> None:
    kernel, stride, padding = _window(operator, builder)

    def pool(image: str, name: str) -> str:
        return builder.add(MaxPoolStep, name, (image,), kernel=kernel, stride=stride, padding=padding)

    x = builder.value(operator, 0, signed=True)
    builder.finish(operator, each_image(builder, x, builder.output(operator).name, pool))


CONVERTERS = {"AVG_POOL2D": _average, "MAX_POOL2D": _maximum}
