"""Converters beyond the backbone against onnxruntime: reductions, copies, constants, norms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npusim.errors import InputError
from npusim.importers import import_network
from npusim.importers.onnx.unsupported import what_it_needs
from tests.importers.models import Model, assert_same

IMAGE = (1, 3, 8, 7)

REDUCTIONS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "pixels": ({"axes": [2, 3]}, ["global_avg_pool", "sum", "max_pool2d"]),
    "rows": ({"axes": [-2], "keepdims": 0}, ["mean", "sum", "max_pool2d"]),
    "channels": ({"axes": [1], "keepdims": 0}, ["mean", "sum", "max_pool2d"]),
    "channels_and_columns": ({"axes": [3, 1]}, ["mean", "sum", "max_pool2d"]),
    "all": ({}, ["mean", "sum", "max_pool2d"]),
    "batch": ({"axes": [0]}, []),
}


@pytest.mark.parametrize("case", REDUCTIONS)
def test_reductions(case: str, tmp_path: Path) -> None:
    attributes, kinds = REDUCTIONS[case]
    for index, op in enumerate(("ReduceMean", "ReduceSum", "ReduceMax")):
        model = Model(opset=11, x=IMAGE)
        made = model.add(op, model.add("Conv", "x", model.weights(4, 3, 1, 1)), **attributes)
        network = assert_same(model, tmp_path, made)
        found = [layer.layer for layer in network.ordered_layers]  # type: ignore[attr-defined]
        movers = {"conv2d", "transpose", "reshape", "flatten"}
        assert [kind for kind in found if kind not in movers] == kinds[index : index + 1]


def test_reductions_with_axes_as_an_input(tmp_path: Path) -> None:
    model = Model(opset=18, x=IMAGE)
    made = model.add("ReduceMax", "x", model.integers(2, 3), keepdims=0)
    kept = model.add("ReduceMean", "x", "", noop_with_empty_axes=1)
    assert_same(model, tmp_path, made, model.add("Relu", kept))


def test_the_mean_of_stacked_branches(tmp_path: Path) -> None:
    model = Model(opset=18, x=IMAGE)
    branches = [model.add("Unsqueeze", model.add(op, "x"), model.integers(0)) for op in ("Relu", "Sigmoid")]
    stack = model.add("Concat", *branches, axis=0)
    made = model.add("ReduceMean", stack, model.integers(0), keepdims=0)
    assert_same(model, tmp_path, made)


GATE = ["Add", "Mul", "Sub", "Max"]


@pytest.mark.parametrize("op", GATE)
def test_an_expanded_operand_is_not_repeated(op: str, tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    gate = model.add("Sigmoid", model.add("GlobalAveragePool", "x"))
    whole = model.add("Expand", gate, model.integers(*IMAGE))
    network = assert_same(model, tmp_path, model.add(op, "x", whole))
    assert "gather" not in {layer.layer for layer in network.layers}  # type: ignore[attr-defined]


def test_both_operands_expanded_along_different_axes(tmp_path: Path) -> None:
    model = Model(a=(1, 3, 4, 1), b=(1, 3, 1, 5))
    a, b = (model.add("Expand", name, model.integers(1, 3, 4, 5)) for name in "ab")
    assert_same(model, tmp_path, model.add("Add", a, b), layers=["add"])


def test_an_operand_expanded_by_nobody_else_is_repeated(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 1, 1))
    a = model.add("Expand", "x", model.integers(1, 3, 4, 5))
    b = model.add("Expand", model.add("Relu", "x"), model.integers(1, 1, 4, 1))
    assert_same(model, tmp_path, model.add("Mul", a, b), model.add("Relu", a))


def test_tiles(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 2, 2))
    assert_same(model, tmp_path, model.add("Tile", "x", model.integers(1, 2, 1, 3)))


def test_reversed_slices_and_lists_of_indices(tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    bounds = [
        model.integers(-1, 6),
        model.integers(-(2**62), 0),
        model.integers(3, 2),
        model.integers(-1, -2),
    ]
    back = model.add("Slice", "x", *bounds)
    picked = model.add("Gather", "x", model.integers(2, -3, 0, 0), axis=1)
    assert_same(model, tmp_path, back, picked, layers=["gather", "gather", "gather"])


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_mirrored_borders(mode: str, tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    pads = model.integers(0, 0, 2, 1, 0, 0, 0, 3)
    assert_same(model, tmp_path, model.add("Pad", "x", pads, mode=mode), layers=["gather", "gather"])


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_channels_become_pixels_and_back(mode: str, tmp_path: Path) -> None:
    model = Model(x=(1, 12, 3, 2))
    wide = model.add("DepthToSpace", "x", blocksize=2, mode=mode)
    model_back = model.add("SpaceToDepth", model.add("Relu", wide), blocksize=2)
    assert_same(model, tmp_path, wide, model_back)


CONSTANTS = [(1, 3, 8, 7), (3, 8, 7), (8, 7), (3, 1, 7)]


@pytest.mark.parametrize("shape", CONSTANTS, ids=str)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Min"])
def test_constants_that_differ_within_a_channel(op: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    constant = model.constant(model.rng.uniform(0.5, 2, shape))
    assert_same(model, tmp_path, model.add(op, "x", constant), model.add("Add", constant, "x"))


def test_a_constant_larger_than_the_tensor(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 1, 1))
    assert_same(model, tmp_path, model.add("Add", "x", model.weights(1, 3, 4, 5)), layers=["constant", "add"])


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (3,), (1, 3)], ids=str)
def test_a_constant_along_the_last_axis(shape: tuple[int, ...], tmp_path: Path) -> None:
    """[N, 1, 1, C] as exporters of models with channels last write it."""
    model = Model(x=(1, 4, 5, 3))
    made = model.add("Mul", model.add("Relu", "x"), model.constant(model.rng.uniform(0.5, 2, shape)))
    assert_same(model, tmp_path, made)


def test_constants_inside_a_concat(tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    joined = model.add("Concat", model.weights(1, 2, 8, 7), model.add("Relu", "x"), axis=1)
    tokens = model.add("Transpose", model.add("Reshape", joined, model.integers(1, 5, -1)), perm=[0, 2, 1])
    made = model.add("Concat", model.weights(1, 1, 5), tokens, axis=1)
    assert_same(model, tmp_path, joined, made)


def test_an_operand_with_one_value_per_channel(tmp_path: Path) -> None:
    model = Model(x=IMAGE, gate=(1, 3, 1, 1), row=(1, 1, 8, 1))
    made = model.add("Mul", "gate", model.add("Conv", "x", model.weights(3, 3, 1, 1)))
    assert_same(model, tmp_path, model.add("Add", made, "row"))


TRANSPOSED: dict[str, dict[str, Any]] = {
    "same_upper": {"auto_pad": "SAME_UPPER", "strides": [2, 3]},
    "same_lower": {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    "valid": {"auto_pad": "VALID", "strides": [2, 2]},
    "shape": {"output_shape": [9, 6], "strides": [2, 2]},
    "shape_upper": {"output_shape": [9, 6], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "larger_shape": {"output_shape": [12, 7], "strides": [2, 2]},
}


@pytest.mark.parametrize("case", TRANSPOSED)
def test_pads_of_transposed_convolutions(case: str, tmp_path: Path) -> None:
    model = Model(x=(1, 2, 5, 3))
    made = model.add("ConvTranspose", "x", model.weights(2, 3, 3, 2), **TRANSPOSED[case])
    assert_same(model, tmp_path, made, layers=["conv2d_transpose"])


DILATED: list[dict[str, Any]] = [
    {"kernel_shape": [3, 2], "dilations": [2, 3]},
    {"kernel_shape": [3, 2], "dilations": [2, 1], "pads": [2, 1, 1, 0], "strides": [2, 1]},
    {"kernel_shape": [2, 3], "dilations": [3, 2], "strides": [2, 2], "ceil_mode": 1},
]


@pytest.mark.parametrize("attributes", DILATED, ids=str)
def test_dilated_max_pools(attributes: dict[str, Any], tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    x = model.add("Sub", "x", model.constant(10.0))  # zeros would win if padding held any
    network = assert_same(model, tmp_path, model.add("MaxPool", x, **attributes))
    assert "max_pool2d" in {layer.layer for layer in network.layers}  # type: ignore[attr-defined]


def test_a_dilated_average_pool(tmp_path: Path) -> None:
    model = Model(opset=19, x=(1, 3, 9))
    assert_same(model, tmp_path, model.add("AveragePool", "x", kernel_shape=[3], dilations=[2]))


def test_windows_that_overhang_count_their_padding(tmp_path: Path) -> None:
    model = Model(opset=19, x=IMAGE)
    attributes = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    made = model.add("AveragePool", "x", **attributes, ceil_mode=1, count_include_pad=1)
    assert_same(model, tmp_path, made, layers=["pad", "avg_pool2d"])


def normalize(m: Model, x: str) -> str:
    """torch.nn.functional.normalize."""
    length = m.add("Clip", m.add("ReduceL2", x, axes=[1], keepdims=1), m.constant(1e-12))
    return m.add("Div", x, m.add("Expand", length, m.integers(1, 6)))


def by_length(m: Model, x: str) -> str:
    return m.add("Div", x, m.add("ReduceL2", x, axes=[-1], keepdims=1))


def by_root(m: Model, x: str) -> str:
    squares = m.add("ReduceSum", m.add("Mul", x, x), m.integers(1), keepdims=1)
    return m.add("Div", x, m.add("Max", m.constant(0.5), m.add("Sqrt", squares)))


def by_power(m: Model, x: str) -> str:
    squares = m.add("ReduceSum", m.add("Pow", x, m.constant(2)), m.integers(1), keepdims=1)
    return m.add("Div", x, m.add("Sqrt", squares))


def whole(m: Model, x: str) -> str:
    return m.add("LpNormalization", x, axis=1, p=2)


@pytest.mark.parametrize("form", [normalize, by_length, by_root, by_power, whole], ids=lambda f: f.__name__)
def test_vectors_of_length_one(form: Any, tmp_path: Path) -> None:
    model = Model(x=(1, 6))
    made = form(model, model.add("Relu", "x"))
    assert_same(model, tmp_path, made, layers=["relu", "l2_normalization"])


@pytest.mark.parametrize("keep", [0, 1])
def test_the_largest_share_is_the_largest_score(keep: int, tmp_path: Path) -> None:
    model = Model(x=(1, 6))
    shares = model.add("Softmax", model.add("Relu", "x"), axis=1)
    made = model.add("ArgMax", shares, axis=-1, keepdims=keep)
    assert_same(model, tmp_path, made, layers=["relu", "argmax"])


def test_the_last_softmax_is_kept_on_demand(tmp_path: Path) -> None:
    model = Model(x=(1, 6))
    path = model.save(tmp_path, model.add("Softmax", model.add("Relu", "x")))
    kinds = [layer.layer for layer in import_network(path, last_softmax="keep").layers]  # type: ignore[attr-defined]
    assert kinds == ["relu", "softmax"]
    with pytest.raises(InputError, match="host, keep"):
        import_network(path, last_softmax="drop")


def test_what_is_not_read_is_not_kept(tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    model.add("Sigmoid", "x")
    assert_same(model, tmp_path, model.add("Relu", "x"), layers=["relu"])


UNSUPPORTED: dict[str, tuple[list[int], dict[str, Any], str]] = {
    "ReduceL2": ([], {"axes": [1]}, "a vector divided by its length"),
    "InstanceNormalization": ([3, 3], {}, "a batch norm"),
    "LpNormalization": ([], {"p": 1}, "Euclidean"),
    "DepthToSpace": ([], {"blocksize": 2}, "blocks of 2"),
    "AveragePool": ([], {"kernel_shape": [2, 2], "dilations": [2, 2], "pads": [1, 1, 1, 1]}, "dilated"),
}


@pytest.mark.parametrize("op", UNSUPPORTED)
def test_what_is_not_supported_is_named(op: str, tmp_path: Path) -> None:
    sizes, attributes, words = UNSUPPORTED[op]
    model = Model(x=IMAGE)
    made = model.add(op, "x", *[model.weights(size) for size in sizes], **attributes)
    with pytest.raises(InputError) as caught:
        import_network(model.save(tmp_path, made))
    assert f"({op})" in str(caught.value)
    assert words in str(caught.value)


def test_recurrent_layers_are_told_what_to_do() -> None:
    assert what_it_needs("GRU") == what_it_needs("LSTM")
    assert "one step" in what_it_needs("LSTM")


def test_a_constant_with_a_batch_is_refused(tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    path = model.save(tmp_path, model.add("Add", "x", model.weights(2, 3, 8, 7)))
    with pytest.raises(InputError, match="Add"):
        import_network(path)


def test_values_are_numbers(tmp_path: Path) -> None:
    model = Model(x=IMAGE)
    made = model.add("Gather", "x", model.constant([[0, 1], [1, 2]], np.int64), axis=1)
    with pytest.raises(InputError, match="a list of indices"):
        import_network(model.save(tmp_path, made))
