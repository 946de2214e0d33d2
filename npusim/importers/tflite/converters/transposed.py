"""Transposed convolutions: one convolution for each phase of the output, woven together."""

from __future__ import annotations

import numpy as np

from npusim.geometry import image_shape
from npusim.importers.tflite.builder import Builder, stripped
from npusim.importers.tflite.converters.products import bias_of, mac, weights_of
from npusim.importers.tflite.graph import Operator
from npusim.importers.tflite.windows import paddings, strides
from npusim.layers.transposed_phases import AxisPhase, axis_phases
from npusim.steps.interleave import InterleaveStep
from npusim.steps.mac import MacOperation

_INPUT = 2


def _transpose_conv(operator: Operator, builder: Builder) -> None:
    x, codes = builder.value(operator, _INPUT), weights_of(operator, builder, 4)
    y = builder.output(operator)
    old, new = image_shape(builder.shape(x)), image_shape(stripped(y.shape))
    if codes.shape[3] != old[2]:
        raise operator.error("weights do not fit the input", found=codes.shape, allowed=f"for {old}")
    stride, kernel = strides(operator), (codes.shape[1], codes.shape[2])
    # The padding is that of the convolution from the output to the input.
    crops = paddings(operator, new, kernel, stride)
    rows, columns = (
        axis_phases(old[axis], new[axis], kernel[axis], stride[axis], 1, crops[axis][0]) for axis in range(2)
    )
    grid = len(rows), len(columns)
    # A phase's missing taps weigh nothing: zero where the zero point is taken off.
    zero = builder.tensor(operator, 1).zero_point if builder.tensor(operator, 1).zero_points.size == 1 else 0
    centred = codes.astype(np.int32) - zero
    bias = bias_of(operator, builder, 3, len(codes))
    parts = []
    for index, (above, beside) in enumerate((a, b) for a in rows for b in columns):
        part = np.ascontiguousarray(beside.part(above.part(centred, 1), 2)) + zero
        name = y.name if grid == (1, 1) else f"{y.name}/phase_{index}"
        parts.append(_phase(operator, builder, x, part, bias, name, (above, beside)))
    made = parts[0] if grid == (1, 1) else builder.add(InterleaveStep, y.name, parts, grid=grid)
    builder.finish(operator, made)


def _phase(
    operator: Operator,
    builder: Builder,
    x: str,
    part: np.ndarray,
    bias: np.ndarray,
    name: str,
    phases: tuple[AxisPhase, AxisPhase],
) -> str:
    return mac(
        operator,
        builder,
        x,
        MacOperation.CONV2D,
        part,
        bias,
        axis=0,
        place=_INPUT,
        name=name,
        dilation=(phases[0].dilation, phases[1].dilation),
        padding=(phases[0].padding, phases[1].padding),
    )


CONVERTERS = {"TRANSPOSE_CONV": _transpose_conv}
