"""QDQ models of one operator or a few, with scales and zero points at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.importers.qdq_models import QdqModel

Array = npt.NDArray[Any]
Case = Callable[[QdqModel, np.random.Generator], None]


def _scale(rng: np.random.Generator) -> float:
    return float(np.float32(np.exp(rng.uniform(np.log(0.004), np.log(0.3)))))


def _quantized(model: QdqModel, rng: np.random.Generator, name: str, scale: float | None = None) -> str:
    return model.quantized(name, _scale(rng) if scale is None else scale, _zero(model, rng))


def _zero(model: QdqModel, rng: np.random.Generator) -> int:
    limits = np.iinfo(model.dtype)
    return int(rng.choice([limits.min, limits.max, rng.integers(limits.min, limits.max + 1)]))


def _input(model: QdqModel, rng: np.random.Generator, *shape: int, scale: float | None = None) -> str:
    return model.input(shape, _scale(rng) if scale is None else scale, _zero(model, rng))


def _bias(model: QdqModel, codes: Array, x_scale: float, scales: float | Sequence[float]) -> str:
    """In units of the products' scale."""
    return model.weights(codes, np.float32(x_scale) * np.array(scales, np.float32))


def conv(
    shape: Sequence[int],
    weights: Sequence[int],
    *,
    per_channel: bool = False,
    unsigned: bool = False,
    bias: bool | str = True,
    then: Sequence[tuple[str, dict[str, float]]] = (),
    **attributes: Any,
) -> Case:
    """A convolution, what clips its result, and its codes."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        x_scale, outputs = _scale(rng), weights[0]
        x = _input(model, rng, *shape, scale=x_scale)
        low, high, kind = (0, 256, np.uint8) if unsigned else (-128, 128, np.int8)
        codes = rng.integers(low, high, weights).astype(kind)
        scales = rng.uniform(0.001, 0.01, outputs).tolist() if per_channel else 0.004
        zero = int(rng.integers(low, high)) if unsigned else 0
        inputs = [x, model.weights(codes, scales, zero)]
        if bias:
            values = rng.integers(-9000, 9000, outputs).astype(np.int32)
            floats = (values * 1e-4).astype(np.float32)
            inputs.append(
                model.constant(floats, np.float32)
                if bias == "float"
                else _bias(model, values, x_scale, scales)
            )
        y = model.op("Conv", inputs, kernel_shape=list(weights[2:]), **attributes)
        for op, bounds in then:
            limits = [model.constant(bounds[name], np.float32) for name in bounds]
            y = model.op(op, [y, *limits])
        zero_point = np.iinfo(model.dtype).min if then else _zero(model, rng)
        model.output(model.quantized(y, 6 / 255 if then else _scale(rng) * 9, int(zero_point)))

    return case


def gemm(*, transposed: bool, per_channel: bool = False) -> Case:
    """A Gemm of rows."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        x_scale = _scale(rng)
        x = _input(model, rng, 1, 37, scale=x_scale)
        codes = rng.integers(-128, 128, (11, 37) if transposed else (37, 11)).astype(np.int8)
        scales = rng.uniform(0.001, 0.01, 11).tolist() if per_channel else 0.003
        w = model.weights(codes, scales, axis=0 if transposed else 1)
        b = _bias(model, rng.integers(-500, 500, 11).astype(np.int32), x_scale, scales)
        y = model.op("Gemm", [x, w, b], transB=int(transposed))
        model.output(_quantized(model, rng, y, _scale(rng) * 9))

    return case


def halved(model: QdqModel, rng: np.random.Generator) -> None:
    """A Gemm with alpha and without bias."""
    w = model.weights(rng.integers(-128, 128, (37, 11)).astype(np.int8), 0.003)
    y = model.op("Gemm", [_input(model, rng, 1, 37), w], alpha=0.37)
    model.output(_quantized(model, rng, y, _scale(rng) * 3))


def matmul(shape: Sequence[int], *, per_channel: bool = False, unsigned: bool = False) -> Case:
    """A product with a matrix of weights."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        x = _input(model, rng, *shape)
        low, high, kind = (0, 256, np.uint8) if unsigned else (-128, 128, np.int8)
        codes = rng.integers(low, high, (shape[-1], 9)).astype(kind)
        scales = rng.uniform(0.001, 0.01, 9).tolist() if per_channel else 0.003
        w = model.weights(codes, scales, 128 if unsigned else 0, axis=1)
        model.output(_quantized(model, rng, model.op("MatMul", [x, w]), _scale(rng) * 9))

    return case


def two_matrices(model: QdqModel, rng: np.random.Generator) -> None:
    """A product of two computed matrices."""
    a, b = _input(model, rng, 1, 2, 5, 7), _input(model, rng, 1, 2, 7, 4)
    model.output(_quantized(model, rng, model.op("MatMul", [a, b]), _scale(rng) * 20))


def binary(op: str, a: Sequence[int], b: Sequence[int], *, same: bool = False) -> Case:
    """Two computed tensors."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        x = _input(model, rng, *a)
        y = x if same else _input(model, rng, *b)
        z = model.op(op, [x, y])
        model.output(_quantized(model, rng, z, _scale(rng) * (20 if op == "Mul" else 2)))

    return case


def with_constant(op: str, shape: Sequence[int], constant: Sequence[int], *, first: bool = False) -> Case:
    """A computed tensor and constant codes."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        x = _input(model, rng, *shape)
        limits = np.iinfo(model.dtype)
        codes = rng.integers(limits.min, limits.max + 1, constant).astype(model.dtype)
        w = model.weights(codes, _scale(rng), _zero(model, rng))
        y = model.op(op, [w, x] if first else [x, w])
        model.output(_quantized(model, rng, y, _scale(rng) * (20 if op == "Mul" else 2)))

    return case


def unary(op: str, shape: Sequence[int], *, keep: bool = False, **attributes: Any) -> Case:
    """One tensor; `keep`: the codes mean the same before and after."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        scale, zero = _scale(rng), _zero(model, rng)
        y = model.op(op, [model.input(shape, scale, zero)], **attributes)
        if keep:
            model.output(model.quantized(y, scale, zero))
        else:
            model.output(_quantized(model, rng, y))

    return case


def moved(op: str, shape: Sequence[int], *integers: Any, **attributes: Any) -> Case:
    """An operation with lists of integers as further inputs, on codes that keep their meaning."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        scale, zero = _scale(rng), _zero(model, rng)
        x = model.input(shape, scale, zero)
        y = model.op(op, [x, *(model.constant(each, np.int64) for each in integers)], **attributes)
        z = model.op("LeakyRelu", [model.quantized(y, scale, zero)], alpha=0.5)
        model.output(_quantized(model, rng, z))

    return case


def resized(
    new: Sequence[int] | None,
    scales: Sequence[float] = (),
    coordinates: str = "asymmetric",
    nearest: str = "floor",
) -> Case:
    """More or fewer pixels, each a copy."""

    def case(model: QdqModel, rng: np.random.Generator) -> None:
        scale, zero = _scale(rng), _zero(model, rng)
        x = model.input((1, 3, 5, 7), scale, zero)
        given = ["", model.constant(scales, np.float32)]
        if new is not None:
            given = ["", "", model.constant([1, 3, *new], np.int64)]
        modes = {"coordinate_transformation_mode": coordinates, "nearest_mode": nearest}
        model.output(model.quantized(model.op("Resize", [x, *given], **modes), scale, zero))

    return case


def padded(model: QdqModel, rng: np.random.Generator) -> None:
    """Zeros around an image, which is their zero point as codes."""
    scale, zero = _scale(rng), _zero(model, rng)
    x = model.input((1, 3, 4, 5), scale, zero)
    y = model.op("Pad", [x, model.constant([0, 1, 2, 0, 0, 0, 1, 3], np.int64)])
    model.output(model.quantized(y, scale, zero))


def concat(model: QdqModel, rng: np.random.Generator) -> None:
    """Three tensors of three scales."""
    parts = [_input(model, rng, 1, channels, 4, 5) for channels in (2, 3, 1)]
    model.output(_quantized(model, rng, model.op("Concat", parts, axis=1)))


def split(model: QdqModel, rng: np.random.Generator) -> None:
    """Two parts of one tensor."""
    scale, zero = _scale(rng), _zero(model, rng)
    x = model.input((1, 6, 4, 4), scale, zero)
    parts = model.node("Split", [x, model.constant([2, 4], np.int64)], outputs=2, axis=1)
    model.output(*(model.quantized(part, scale, zero) for part in parts))


def flattened(model: QdqModel, rng: np.random.Generator) -> None:
    """Channels first, flattened, and a matrix behind it: the order of features matters."""
    scale, zero = _scale(rng), _zero(model, rng)
    x = model.input((1, 3, 4, 5), scale, zero)
    pooled = model.op("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    flat = model.op("Flatten", [model.quantized(pooled, scale, zero)])
    codes = rng.integers(-128, 128, (12, 7)).astype(np.int8)
    y = model.op("MatMul", [model.quantized(flat, scale, zero), model.weights(codes, 0.01)])
    model.output(_quantized(model, rng, y, 0.5))


def residual(model: QdqModel, rng: np.random.Generator) -> None:
    """Two convolutions, added."""
    x = _input(model, rng, 1, 4, 6, 6)
    branches = []
    for _ in range(2):
        codes = rng.integers(-128, 128, (4, 4, 3, 3)).astype(np.int8)
        y = model.op("Conv", [x, model.weights(codes, 0.003)], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        branches.append(_quantized(model, rng, y, _scale(rng) * 9))
    y = model.op("Relu", [model.op("Add", branches)])
    model.output(model.quantized(y, 0.3, int(np.iinfo(model.dtype).min)))


IMAGE = (1, 5, 9, 8)
RELU6: tuple[tuple[str, dict[str, float]], ...] = (("Clip", {"min": 0.0, "max": 6.0}),)
CASES: dict[str, Case] = {
    "conv": conv(IMAGE, (7, 5, 3, 3)),
    "conv_padded": conv(IMAGE, (7, 5, 3, 2), pads=[1, 0, 2, 1], strides=[2, 1], per_channel=True),
    "conv_same": conv(IMAGE, (4, 5, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2], bias=False),
    "conv_dilated": conv(IMAGE, (4, 5, 2, 3), dilations=[2, 2]),
    "conv_grouped": conv((1, 6, 8, 8), (4, 3, 3, 3), group=2, per_channel=True),
    "conv_pointwise": conv(IMAGE, (33, 5, 1, 1), per_channel=True),
    "conv_relu": conv(IMAGE, (7, 5, 3, 3), then=[("Relu", {})]),
    "conv_relu6": conv(IMAGE, (7, 5, 3, 3), then=RELU6, per_channel=True),
    "conv_unsigned": conv(IMAGE, (7, 5, 3, 3), unsigned=True),
    "conv_float_bias": conv(IMAGE, (7, 5, 3, 3), bias="float"),
    "conv_float_biases": conv(IMAGE, (7, 5, 3, 3), bias="float", per_channel=True),
    "conv_1d": conv((1, 4, 17), (6, 4, 3), strides=[2]),
    "depthwise": conv((1, 6, 9, 9), (6, 1, 3, 3), group=6, pads=[1, 1, 1, 1], per_channel=True),
    "depthwise_twice": conv((1, 6, 9, 9), (12, 1, 3, 3), group=6),
    "gemm": gemm(transposed=False),
    "gemm_transposed": gemm(transposed=True, per_channel=True),
    "gemm_alpha": halved,
    "matmul": matmul((1, 21)),
    "matmul_rows": matmul((1, 4, 21), per_channel=True),
    "matmul_unsigned": matmul((1, 3, 4, 10), unsigned=True),
    "two_matrices": two_matrices,
    "add": binary("Add", IMAGE, IMAGE),
    "add_itself": binary("Add", IMAGE, IMAGE, same=True),
    "add_channels": binary("Add", IMAGE, (1, 5, 1, 1)),
    "add_channels_first": binary("Add", (1, 5, 1, 1), IMAGE),
    "add_rows": binary("Add", (1, 6, 10), (1, 1, 10)),
    "add_constant": with_constant("Add", IMAGE, (5, 1, 1)),
    "add_constant_vector": with_constant("Add", (1, 4, 10), (10,), first=True),
    "add_scalar": with_constant("Add", IMAGE, ()),
    "mul": binary("Mul", IMAGE, IMAGE),
    "mul_channels": binary("Mul", IMAGE, (1, 5, 1, 1)),
    "mul_channels_first": binary("Mul", (1, 5, 1, 1), IMAGE),
    "mul_constant": with_constant("Mul", IMAGE, (1, 5, 1, 1)),
    "mul_scalar": with_constant("Mul", IMAGE, (1,), first=True),
    "residual": residual,
    "global_average": unary("GlobalAveragePool", IMAGE),
    "global_average_1d": unary("GlobalAveragePool", (1, 5, 19)),
    "average": unary("AveragePool", IMAGE, kernel_shape=[3, 2], strides=[2, 1]),
    "average_padded": unary("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "average_counted": unary(
        "AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1
    ),
    "average_whole": unary("AveragePool", IMAGE, kernel_shape=[9, 8]),
    "average_1d": unary("AveragePool", (1, 3, 15), kernel_shape=[4], strides=[3]),
    "max": unary("MaxPool", IMAGE, keep=True, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
    "max_ceil": unary("MaxPool", IMAGE, keep=True, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "concat": concat,
    "split": split,
    "flattened": flattened,
    "leaky_relu": unary("LeakyRelu", (1, 300), alpha=0.1),
    "sigmoid": unary("Sigmoid", (1, 300)),
    "tanh": unary("Tanh", (1, 300)),
    "hard_sigmoid": unary("HardSigmoid", (1, 300), alpha=1 / 6, beta=0.5),
    "transpose": moved("Transpose", IMAGE, perm=[0, 2, 3, 1]),
    "reshape": moved("Reshape", IMAGE, [1, 10, -1]),
    "squeeze": moved("Squeeze", (1, 5, 1, 8), [2]),
    "unsqueeze": moved("Unsqueeze", (1, 5, 8), [3]),
    "resize": resized(None, [1.0, 1.0, 2.0, 3.0]),
    "resize_scales": resized(None, [1.0, 1.0, 1.6, 3.0], "half_pixel", "round_prefer_floor"),
    "resize_sizes": resized([13, 11], coordinates="half_pixel", nearest="round_prefer_ceil"),
    "resize_corners": resized([9, 4], coordinates="align_corners", nearest="ceil"),
    "resize_smaller": resized([3, 4]),
    "depth_to_space": moved("DepthToSpace", (1, 8, 3, 5), blocksize=2, mode="CRD"),
    "pad": padded,
    "gather": moved("Gather", (1, 5, 8), [0, 2, 4], axis=1),
    "slice": moved("Slice", IMAGE, [1, 0], [4, 7], [1, 2], [1, 2]),
}
