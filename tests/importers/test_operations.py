"""Every converter against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.importers.models import Model, assert_same

CONVOLUTIONS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "plain": ((5, 3, 3, 2), {}),
    "strided": ((5, 3, 3, 3), {"strides": [2, 1], "pads": [1, 0, 2, 1]}),
    "dilated": ((5, 3, 3, 3), {"dilations": [2, 1], "pads": [2, 1, 2, 1]}),
    "depthwise": ((6, 1, 3, 3), {"group": 3, "strides": [2, 2]}),
    "same_upper": ((5, 3, 3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "same_lower": ((5, 3, 3, 4), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    "valid": ((5, 3, 3, 4), {"auto_pad": "VALID"}),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_conv(case: str, tmp_path: Path) -> None:
    shape, attributes = CONVOLUTIONS[case]
    model = Model(x=(1, 3, 8, 7))
    made = model.add("Conv", "x", model.weights(*shape), model.weights(shape[0]), **attributes)
    kind = "depthwise_conv2d" if case == "depthwise" else "conv2d"
    assert_same(model, tmp_path, made, layers=[kind])


def test_conv_in_groups_and_in_one_dimension(tmp_path: Path) -> None:
    model = Model(x=(1, 4, 9))
    x = model.add("Conv", "x", model.weights(6, 2, 3), group=2, pads=[1, 2], strides=[2])
    x = model.add("MaxPool", x, kernel_shape=[2])
    assert_same(model, tmp_path, model.add("Conv", x, model.weights(6, 1, 2), group=6))


TRANSPOSED: dict[str, dict[str, Any]] = {
    "plain": {},
    "strided": {"strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 0]},
    "dilated": {"dilations": [2, 1]},
    "groups": {"group": 2, "strides": [2, 2]},
}


@pytest.mark.parametrize("case", TRANSPOSED)
def test_conv_transpose(case: str, tmp_path: Path) -> None:
    model = Model(x=(1, 4, 5, 3))
    made = model.add("ConvTranspose", "x", model.weights(4, 3, 3, 2), **TRANSPOSED[case])
    assert_same(model, tmp_path, made, layers=["conv2d_transpose"])


POOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "max": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    "max_ceil": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1}),
    "max_ceil_pads": (
        "MaxPool",
        {"kernel_shape": [2, 2], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1},
    ),
    "average": ("AveragePool", {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1]}),
    "average_counting": (
        "AveragePool",
        {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1},
    ),
    "average_ceil": ("AveragePool", {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1}),
    "average_same": ("AveragePool", {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "global": ("GlobalAveragePool", {}),
    "global_max": ("GlobalMaxPool", {}),
    "mean": ("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
    "mean_of_rows": ("ReduceMean", {"axes": [-2]}),
    "mean_of_channels": ("ReduceMean", {"axes": [1], "keepdims": 0}),
    "mean_of_all": ("ReduceMean", {"keepdims": 1}),
}


@pytest.mark.parametrize("case", POOLS)
def test_pools_and_means(case: str, tmp_path: Path) -> None:
    op, attributes = POOLS[case]
    model = Model(x=(1, 3, 8, 7))
    assert_same(model, tmp_path, model.add(op, "x", **attributes))


def test_sum_over_axes_from_opset_13(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 8, 7))
    assert_same(model, tmp_path, model.add("ReduceSum", "x", model.integers(2, 3), keepdims=0))


def test_batch_norm_stays_apart(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 5, 4))
    x = model.add("Conv", "x", model.weights(4, 3, 1, 1))
    variance = model.constant([0.5, 1, 2, 3])
    x = model.add("BatchNormalization", x, model.weights(4), model.weights(4), model.weights(4), variance)
    made = model.add("Clip", x, model.constant(0), model.constant(6))
    assert_same(model, tmp_path, made, layers=["conv2d", "batch_norm", "relu6"])


GEMMS: list[dict[str, Any]] = [{}, {"alpha": 0.5, "beta": 2.0}, {"transB": 1}]


@pytest.mark.parametrize("attributes", GEMMS)
def test_gemm(attributes: dict[str, Any], tmp_path: Path) -> None:
    model = Model(x=(1, 6))
    shape = (4, 6) if "transB" in attributes else (6, 4)
    made = model.add("Gemm", "x", model.weights(*shape), model.weights(1, 4), **attributes)
    assert_same(model, tmp_path, made, layers=["dense"])


def test_matmul_over_a_sequence(tmp_path: Path) -> None:
    model = Model(x=(1, 5, 6))
    made = model.add("Add", model.add("MatMul", "x", model.weights(6, 4)), model.weights(4))
    assert_same(model, tmp_path, made, layers=["reshape", "conv2d", "reshape"])


def test_matmul_of_computed_tensors(tmp_path: Path) -> None:
    model = Model(a=(1, 2, 5, 6), b=(1, 2, 6, 4))
    assert_same(model, tmp_path, model.add("MatMul", model.add("Relu", "a"), model.add("Relu", "b")))


BINARY = ["Add", "Sub", "Mul", "Min", "Max"]


@pytest.mark.parametrize("op", BINARY)
def test_two_tensors(op: str, tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    other = model.add("Conv", "x", model.weights(3, 3, 1, 1))
    assert_same(model, tmp_path, model.add(op, "x", other))


CONSTANTS = {"scalar": (), "channel": (3, 1, 1), "row": (4, 1), "column": (1, 1, 1, 5)}


@pytest.mark.parametrize("shape", CONSTANTS)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_a_tensor_and_a_constant(op: str, shape: str, tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    constant = model.constant(model.rng.uniform(0.5, 2, CONSTANTS[shape]))
    x = model.add(op, "x", constant)
    assert_same(model, tmp_path, model.add("Relu", x))


@pytest.mark.parametrize("op", ["Sub", "Add", "Mul"])
def test_a_constant_and_a_tensor(op: str, tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    assert_same(model, tmp_path, model.add(op, model.constant(1.5), "x"))


def test_a_constant_behind_a_convolution_is_its_bias(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    x = model.add("Conv", "x", model.weights(4, 3, 1, 1))
    assert_same(model, tmp_path, model.add("Add", x, model.weights(4, 1, 1)), layers=["conv2d"])


def test_a_convolution_read_twice_keeps_its_bias(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    x = model.add("Conv", "x", model.weights(3, 3, 1, 1))
    shifted = model.add("Add", x, model.weights(3, 1, 1))
    assert_same(model, tmp_path, model.add("Mul", x, shifted), layers=["conv2d", "batch_norm", "mul"])


FUNCTIONS: dict[str, dict[str, Any]] = {
    "Relu": {},
    "Sigmoid": {},
    "Tanh": {},
    "HardSigmoid": {"alpha": 0.3},
    "HardSwish": {},
    "LeakyRelu": {"alpha": 0.2},
    "Elu": {"alpha": 0.7},
    "Celu": {"alpha": 0.7},
    "Selu": {},
    "Abs": {},
    "Neg": {},
}


@pytest.mark.parametrize("op", FUNCTIONS)
def test_activation_functions(op: str, tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    assert_same(model, tmp_path, model.add(op, "x", **FUNCTIONS[op]))


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu_of_opset_20(form: str, tmp_path: Path) -> None:
    model = Model(opset=20, x=(1, 30))
    assert_same(model, tmp_path, model.add("Gelu", "x", approximate=form), layers=["gelu"])


@pytest.mark.parametrize(("bounds", "kind"), [((-1, 2), "clip"), ((0, None), "relu"), ((None, 1), "clip")])
def test_clip(bounds: tuple[float | None, float | None], kind: str, tmp_path: Path) -> None:
    model = Model(x=(1, 30))
    names = ["" if bound is None else model.constant(bound) for bound in bounds]
    assert_same(model, tmp_path, model.add("Clip", "x", *names), layers=[kind])


@pytest.mark.parametrize(("shape", "kind"), [((3, 1, 1), "prelu"), ((1,), "leaky_relu")])
def test_prelu(shape: tuple[int, ...], kind: str, tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    assert_same(model, tmp_path, model.add("PRelu", "x", model.weights(*shape)), layers=[kind])


def test_concat_along_rows_and_channels(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    y = model.add("Concat", "x", model.add("Relu", "x"), axis=1)
    assert_same(model, tmp_path, model.add("Concat", y, y, axis=2), layers=["relu", "concat", "concat"])


def test_pad_of_image_and_channels(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    made = model.add("Pad", "x", model.integers(0, 1, 2, 0, 0, 2, 0, 1), model.constant(0.5))
    assert_same(model, tmp_path, made, layers=["pad"])


def test_slices(tmp_path: Path) -> None:
    model = Model(x=(1, 6, 8, 7))
    steps = [model.integers(1, -6), model.integers(8, 2**62), model.integers(2, -1), model.integers(2, 3)]
    x = model.add("Slice", "x", *steps)
    a, b = model.add("Split", x, model.integers(2, 4), axis=1, outputs=2)
    c = model.add("Gather", b, model.constant(-1, np.int64), axis=2)
    assert_same(model, tmp_path, a, c)


def test_split_in_even_parts_of_opset_11(tmp_path: Path) -> None:
    model = Model(opset=11, x=(1, 6, 3, 2))
    assert_same(model, tmp_path, *model.add("Split", "x", axis=1, outputs=3), layers=["slice"] * 3)


def test_squeeze_and_unsqueeze(tmp_path: Path) -> None:
    model = Model(x=(1, 6, 4, 5))
    x = model.add("Squeeze", model.add("GlobalAveragePool", "x"), model.integers(2, 3))
    made = model.add("Unsqueeze", x, model.integers(1))
    assert_same(model, tmp_path, made)


RESIZES: dict[str, dict[str, Any]] = {
    "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "nearest_half": {"mode": "nearest"},
    "nearest_up": {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    "linear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "linear_torch": {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
    "linear_corners": {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    "linear_asymmetric": {"mode": "linear", "coordinate_transformation_mode": "asymmetric"},
}


@pytest.mark.parametrize("size", [(8, 15), (3, 4), (4, 5)])
@pytest.mark.parametrize("case", RESIZES)
def test_resize(case: str, size: tuple[int, int], tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    sizes = model.integers(1, 3, *size)
    made = model.add("Resize", "x", "", "", sizes, **RESIZES[case])
    assert_same(model, tmp_path, made, layers=["resize"])


def test_resize_by_scales(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    made = model.add("Resize", "x", "", model.constant([1, 1, 2, 2]), mode="nearest")
    network = assert_same(model, tmp_path, made)
    assert network.shapes[made] == (8, 10, 3)


@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_inside(opset: int, tmp_path: Path) -> None:
    model = Model(opset=opset, x=(1, 3, 4, 5))
    made = model.add("Softmax", "x", axis=3)
    assert_same(
        model, tmp_path, model.add("Conv", made, model.weights(2, 3, 1, 1)), layers=["softmax", "conv2d"]
    )


@pytest.mark.parametrize("keep", [0, 1])
def test_argmax(keep: int, tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    assert_same(model, tmp_path, model.add("ArgMax", "x", axis=1, keepdims=keep))


def test_identity_dropout_and_cast_leave_nothing(tmp_path: Path) -> None:
    model = Model(x=(1, 6))
    x = model.add("Dropout", model.add("Identity", "x"))
    made = model.add("Relu", model.add("Cast", x, to=1))
    assert_same(model, tmp_path, made, layers=["relu"])
