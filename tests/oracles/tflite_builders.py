"""Random TFLite models of one operator each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any

import numpy as np

from tests.importers.tflite_models import TfliteModel

Rng = np.random.Generator
Case = Callable[[Rng], tuple[TfliteModel, list[int]]]
"""A random model and its outputs."""

SAME, VALID = 0, 1


def scale(rng: Rng) -> float:
    return float(np.exp(rng.uniform(-6, -2)))


def zero(rng: Rng, kind: str) -> int:
    return (
        int(rng.integers(-128, 128))
        if kind == "INT8"
        else int(rng.integers(0, 256))
        if kind == "UINT8"
        else 0
    )


def weights_kind(kind: str) -> str:
    return "UINT8" if kind == "UINT8" else "INT8"


def weights(
    model: TfliteModel,
    rng: Rng,
    kind: str,
    shape: Sequence[int],
    per_channel: bool,
    axis: int = 0,
    *,
    narrow: bool = False,
) -> tuple[int, Any]:
    """Weights and their scales; `narrow`: of 4 bits."""
    unsigned = kind == "UINT8"
    codes = rng.integers(0, 256, shape) if unsigned else rng.integers(-127, 128, shape)
    codes = rng.integers(-8, 8, shape) if narrow else codes
    scales = [scale(rng) for _ in range(shape[axis])] if per_channel else scale(rng)
    offset = int(rng.integers(0, 256)) if unsigned else 0
    return model.constant(codes, "INT4" if narrow else weights_kind(kind), scales, offset, axis), np.array(
        scales
    )


def bias(model: TfliteModel, rng: Rng, kind: str, outputs: int, scales: np.ndarray) -> int:
    return model.constant(rng.integers(-5000, 5000, outputs), "INT64" if kind == "INT16" else "INT32", scales)


def output_size(size: int, padding: int, stride: int, reach: int) -> int:
    return ceil(size / stride) if padding == SAME else (size - reach) // stride + 1


def convolution(
    kind: str, *, depthwise: bool, padding: int, stride: tuple[int, int], dilation: tuple[int, int],
    per_channel: bool, groups: int = 1, narrow: bool = False,
) -> Case:  # fmt: skip
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, size, kernel, inputs = TfliteModel(), (9, 8), (3, 2), 6
        multiplier = int(rng.integers(1, 3))
        outputs = inputs * multiplier if depthwise else 4
        x_scale = scale(rng)
        x = model.input((1, *size, inputs), kind, x_scale, zero(rng, kind))
        shape = (1, *kernel, outputs) if depthwise else (outputs, *kernel, inputs // groups)
        axis = 3 if depthwise else 0
        w, w_scales = weights(model, rng, kind, shape, per_channel, axis, narrow=narrow)
        b = bias(model, rng, kind, outputs, x_scale * w_scales)
        reach = [(taps - 1) * spread + 1 for taps, spread in zip(kernel, dilation, strict=True)]
        made = [output_size(n, padding, s, r) for n, s, r in zip(size, stride, reach, strict=True)]
        products = prod(kernel) * (1 if depthwise else inputs // groups)
        y_scale = x_scale * float(w_scales.mean()) * products**0.5 * 60
        y = model.tensor((1, *made, outputs), kind, y_scale, zero(rng, kind))
        options = {
            "padding": padding, "strideH": stride[0], "strideW": stride[1],
            "dilationHFactor": dilation[0], "dilationWFactor": dilation[1],
            "fusedActivationFunction": int(rng.integers(0, 4)),
        }  # fmt: skip
        if depthwise:
            model.add(
                "DEPTHWISE_CONV_2D",
                [x, w, b],
                [y],
                "DepthwiseConv2DOptions",
                depthMultiplier=multiplier,
                **options,
            )
        else:
            model.add("CONV_2D", [x, w, b], [y], "Conv2DOptions", **options)
        return model, [y]

    return case


def transposed(kind: str, padding: int, stride: tuple[int, int], kernel: tuple[int, int]) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, size, inputs, outputs = TfliteModel(), (5, 4), 3, 4
        made = [
            n * s if padding == SAME else (n - 1) * s + k
            for n, s, k in zip(size, stride, kernel, strict=True)
        ]
        x_scale = scale(rng)
        x = model.input((1, *size, inputs), kind, x_scale, zero(rng, kind))
        w, w_scales = weights(model, rng, kind, (outputs, *kernel, inputs), kind != "UINT8")
        given = [model.constant([1, *made, outputs], "INT32"), w, x]
        if rng.integers(2):
            given.append(bias(model, rng, kind, outputs, x_scale * w_scales))
        y = model.tensor((1, *made, outputs), kind, x_scale * float(w_scales.mean()) * 200, zero(rng, kind))
        model.add(
            "TRANSPOSE_CONV",
            given,
            [y],
            "TransposeConvOptions",
            padding=padding,
            strideH=stride[0],
            strideW=stride[1],
        )
        return model, [y]

    return case


def fully_connected(
    kind: str,
    shape: tuple[int, ...],
    *,
    per_channel: bool = False,
    keep: bool = False,
    narrow: bool = False,
) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, outputs, x_scale = TfliteModel(), 9, scale(rng)
        x = model.input(shape, kind, x_scale, zero(rng, kind))
        w, w_scales = weights(model, rng, kind, (outputs, shape[-1]), per_channel, narrow=narrow)
        b = bias(model, rng, kind, outputs, x_scale * w_scales)
        made = (*shape[:-1], outputs) if keep else (prod(shape[:-1]), outputs)
        y_scale = x_scale * float(w_scales.mean()) * shape[-1] ** 0.5 * 60
        y = model.tensor(made, kind, y_scale, zero(rng, kind))
        function = int(rng.integers(0, 4))
        model.add(
            "FULLY_CONNECTED",
            [x, w, b],
            [y],
            "FullyConnectedOptions",
            fusedActivationFunction=function,
            keepNumDims=keep,
        )
        return model, [y]

    return case


def binary(op: str, kind: str, other: tuple[int, ...], *, constant: bool = False) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, shape, first = TfliteModel(), (1, 3, 4, 5), scale(rng)
        x = model.input(shape, kind, first, zero(rng, kind))
        second = first * float(rng.uniform(0.5, 2))
        if constant:
            b = model.constant(rng.integers(0, 100, other), kind, second, zero(rng, kind))
        else:
            b = model.input(other, kind, second, zero(rng, kind))
        y = model.tensor(shape, kind, first * 2, zero(rng, kind))
        options = f"{op.capitalize()}Options"
        model.add(op, [x, b], [y], options, fusedActivationFunction=int(rng.integers(0, 4)))
        return model, [y]

    return case


def extreme(op: str, kind: str, other: tuple[int, ...]) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, same = TfliteModel(), (scale(rng), zero(rng, kind))
        inputs = [model.input((1, 4, 5, 3), kind, *same), model.input(other, kind, *same)]
        y = model.tensor((1, 4, 5, 3), kind, *same)
        model.add(op, inputs, [y], "MaximumMinimumOptions")
        return model, [y]

    return case


def unary(
    op: str,
    kind: str,
    options: str = "",
    *,
    made: tuple[float, int] | None = None,
    to: str = "",
    **values: Any,
) -> Case:
    """Every code of a function; `made` fixes the output's scale and zero point."""

    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model = TfliteModel()
        x = model.input((1, 8, 16, 8), kind, scale(rng), zero(rng, kind))
        y = model.tensor((1, 8, 16, 8), to or kind, *(made or (scale(rng), zero(rng, to or kind))))
        model.add(op, [x], [y], options, **values)
        return model, [y]

    return case


def prelu(kind: str) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model = TfliteModel()
        x = model.input((1, 16, 16, 3), kind, scale(rng), zero(rng, kind))
        slopes = model.constant(rng.integers(0, 100, (1, 1, 3)), kind, scale(rng), zero(rng, kind))
        y = model.tensor((1, 16, 16, 3), kind, scale(rng), zero(rng, kind))
        model.add("PRELU", [x, slopes], [y])
        return model, [y]

    return case


def softmax(kind: str, beta: float) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model = TfliteModel()
        x = model.input((1, 7, 20), kind, scale(rng), zero(rng, kind))
        y = model.tensor((1, 7, 20), kind, 1 / 256, -128 if kind == "INT8" else 0)
        model.add("SOFTMAX", [x], [y], "SoftmaxOptions", beta=beta)
        return model, [y]

    return case


def l2_normalization(kind: str) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, depth = TfliteModel(), int(rng.integers(1, 300))
        x = model.input((1, 50, depth), kind, scale(rng), zero(rng, kind))
        y = model.tensor((1, 50, depth), kind, 1 / 128, 0 if kind == "INT8" else 128)
        model.add("L2_NORMALIZATION", [x], [y], "L2NormOptions")
        return model, [y]

    return case


def pool(op: str, kind: str, padding: int, kernel: tuple[int, int], stride: tuple[int, int]) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, same, size = TfliteModel(), (scale(rng), zero(rng, kind)), (9, 8)
        x = model.input((1, *size, 5), kind, *same)
        made = [output_size(n, padding, s, k) for n, s, k in zip(size, stride, kernel, strict=True)]
        y = model.tensor((1, *made, 5), kind, *same)
        options = {
            "padding": padding, "strideH": stride[0], "strideW": stride[1], "filterHeight": kernel[0],
            "filterWidth": kernel[1], "fusedActivationFunction": int(rng.integers(0, 4)),
        }  # fmt: skip
        model.add(op, [x], [y], "Pool2DOptions", **options)
        return model, [y]

    return case


def reduction(op: str, kind: str, axes: Sequence[int], keep: bool) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, shape = TfliteModel(), (1, 5, 6, 7)
        x = model.input(shape, kind, scale(rng), zero(rng, kind))
        kept = [1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes]
        y = model.tensor(kept, kind, scale(rng), zero(rng, kind))
        model.add(op, [x, model.constant(axes, "INT32")], [y], "ReducerOptions", keepDims=keep)
        return model, [y]

    return case


def extreme_along(op: str, kind: str, axes: Sequence[int], keep: bool) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, shape, same = TfliteModel(), (1, 5, 6, 7), (scale(rng), zero(rng, kind))
        x = model.input(shape, kind, *same)
        kept = [1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes]
        y = model.tensor(kept, kind, *same)
        model.add(op, [x, model.constant(axes, "INT32")], [y], "ReducerOptions", keepDims=keep)
        return model, [y]

    return case


def resize(op: str, kind: str, new: tuple[int, int], corners: bool, centers: bool) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, same = TfliteModel(), (scale(rng), zero(rng, kind))
        x, size = model.input((1, 5, 7, 3), kind, *same), model.constant(new, "INT32")
        y = model.tensor((1, *new, 3), kind, *same)
        options = {"RESIZE_BILINEAR": "ResizeBilinearOptions"}.get(op, "ResizeNearestNeighborOptions")
        model.add(op, [x, size], [y], options, alignCorners=corners, halfPixelCenters=centers)
        return model, [y]

    return case


def moved(
    op: str, kind: str, shape: Sequence[int], made: Sequence[Sequence[int]], options: str,
    constants: Sequence[Any] = (), *, constants_first: bool = False, **values: Any,
) -> Case:  # fmt: skip
    """Operations that only move codes."""

    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, same = TfliteModel(), (scale(rng), zero(rng, kind))
        x = model.input(shape, kind, *same)
        given = [model.constant(values, "INT32") for values in constants]
        outputs = [model.tensor(one, kind, *same) for one in made]
        model.add(op, [*given, x] if constants_first else [x, *given], outputs, options, **values)
        return model, outputs

    return case


def joined(op: str, kind: str, axis: int, *, same: bool = True) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, shape, real = TfliteModel(), [1, 4, 5, 3], (scale(rng), zero(rng, kind))
        inputs = [
            model.input(shape, kind, *(real if same else (scale(rng), zero(rng, kind)))) for _ in range(3)
        ]
        made = list(shape)
        if op == "PACK":
            made.insert(axis, 3)
        else:
            made[axis] *= 3
        y = model.tensor(made, kind, *real)
        if op == "PACK":
            model.add(op, inputs, [y], "PackOptions", valuesCount=3, axis=axis)
        else:
            model.add(op, inputs, [y], "ConcatenationOptions", axis=axis)
        return model, [y]

    return case


def argmax(kind: str, axis: int, op: str = "ARG_MAX") -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, shape = TfliteModel(), [1, 4, 5, 3]
        x = model.input(shape, kind, scale(rng), zero(rng, kind))
        y = model.tensor(shape[:axis] + shape[axis + 1 :], "INT64")
        options = "ArgMaxOptions" if op == "ARG_MAX" else "ArgMinOptions"
        model.add(op, [x, model.constant(axis, "INT32")], [y], options, outputType=4)
        return model, [y]

    return case


def matrices(first: bool, second: bool) -> Case:
    def case(rng: Rng) -> tuple[TfliteModel, list[int]]:
        model, scales = TfliteModel(), (scale(rng), scale(rng))
        a = model.input((1, 3, 6, 4) if first else (1, 3, 4, 6), "INT8", scales[0], zero(rng, "INT8"))
        b = model.input((1, 3, 5, 6) if second else (1, 3, 6, 5), "INT8", scales[1], zero(rng, "INT8"))
        y = model.tensor((1, 3, 4, 5), "INT8", scales[0] * scales[1] * 300, zero(rng, "INT8"))
        model.add("BATCH_MATMUL", [a, b], [y], "BatchMatMulOptions", adjX=first, adjY=second)
        return model, [y]

    return case
