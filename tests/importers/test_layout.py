"""Reshape and Transpose change the view; layers move only what must move."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from npusim.importers import import_network
from tests.importers.models import Model, assert_same


def test_flatten_permutes_the_weights_behind_it(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    x = model.add("Relu", model.add("Conv", "x", model.weights(6, 3, 3, 3)))
    flat = model.add("Flatten", x)
    made = model.add("Gemm", flat, model.weights(7, 36), model.weights(7), transB=1)
    assert_same(model, tmp_path, made, layers=["conv2d", "relu", "flatten", "dense"])


def test_norm_between_flatten_and_dense(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    flat = model.add("Reshape", model.add("Conv", "x", model.weights(2, 3, 1, 1)), model.integers(0, -1))
    shifted = model.add("Add", model.add("MatMul", flat, model.weights(40, 7)), model.weights(7))
    assert_same(model, tmp_path, shifted, layers=["conv2d", "flatten", "dense"])


def test_shape_arithmetic_with_an_open_batch(tmp_path: Path) -> None:
    model = Model(x=("batch", 3, 4, 5))
    x = model.add("Conv", "x", model.weights(4, 3, 2, 2))
    size = model.add("Gather", model.add("Shape", x), model.constant(0, np.int64), axis=0)
    size = model.add("Unsqueeze", size, model.integers(0))
    target = model.add("Concat", size, model.integers(-1), axis=0)
    made = model.add("MatMul", model.add("Reshape", x, target), model.weights(48, 3))
    assert_same(model, tmp_path, made, layers=["conv2d", "flatten", "dense"])


def test_a_fixed_batch_becomes_one(tmp_path: Path) -> None:
    model = Model(x=(4, 3, 2, 2))
    flat = model.add("Reshape", "x", model.integers(4, 12))
    made = model.add("MatMul", flat, model.weights(12, 3))
    network = import_network(model.save(tmp_path, made))
    assert network.shapes[made] == (3,)


def test_detector_heads_need_no_transpose(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 6, 5))
    heads = []
    for channels in (8, 12):
        head = model.add("Conv", "x", model.weights(channels, 3, 3, 3))
        rows = model.add("Transpose", head, perm=[0, 2, 3, 1])
        heads.append(model.add("Reshape", rows, model.integers(1, -1, 4)))
    made = model.add("Concat", *heads, axis=1)
    assert_same(model, tmp_path, made, layers=["conv2d", "conv2d", "reshape", "reshape", "concat"])


def test_channel_shuffle(tmp_path: Path) -> None:
    model = Model(x=(1, 6, 4, 5))
    x = model.add("Conv", "x", model.weights(6, 3, 1, 1), group=2)
    x = model.add("Reshape", x, model.integers(1, 2, 3, 4, 5))
    x = model.add("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = model.add("Reshape", x, model.integers(1, 6, 4, 5))
    made = model.add("Conv", x, model.weights(6, 1, 3, 3), group=6)
    kinds = ["conv2d", "reshape", "transpose", "reshape", "depthwise_conv2d"]
    assert_same(model, tmp_path, made, layers=kinds)


def test_channels_last_exports(tmp_path: Path) -> None:
    model = Model(x=(1, 6, 5, 3))
    x = model.add("Conv", model.add("Transpose", "x", perm=[0, 3, 1, 2]), model.weights(4, 3, 3, 3))
    made = model.add("Transpose", x, perm=[0, 2, 3, 1])
    assert_same(model, tmp_path, made, layers=["conv2d"])


def test_squeeze_and_excite(tmp_path: Path) -> None:
    model = Model(x=(1, 6, 4, 5))
    pooled = model.add("GlobalAveragePool", "x")
    gate = model.add("Relu", model.add("Conv", pooled, model.weights(2, 6, 1, 1)))
    gate = model.add("HardSigmoid", model.add("Conv", gate, model.weights(6, 2, 1, 1)), alpha=1 / 6, beta=0.5)
    made = model.add("Mul", "x", gate)
    assert_same(model, tmp_path, made)


def test_two_inputs_and_two_outputs(tmp_path: Path) -> None:
    model = Model(a=(1, 3, 4, 5), b=(1, 3, 4, 5))
    total = model.add("Add", "a", "b")
    assert_same(model, tmp_path, total, model.add("Conv", total, model.weights(2, 3, 1, 1)))


def test_names_are_made_fit_and_unique(tmp_path: Path) -> None:
    model = Model(x=(1, 4))
    y = model.add("Relu", "x", name="/blöck 1/act")
    z = model.add("Sigmoid", y, name="/bl ck 1/act")
    network = assert_same(model, tmp_path, z)
    assert [layer.name for layer in network.layers] == ["bl_ck_1/act", "bl_ck_1/act_2"]


def test_an_image_that_is_averaged_first_has_channels_last(tmp_path: Path) -> None:
    model = Model(x=("batch", 6, 4, 5))
    pooled = model.add("ReduceMean", "x", axes=[2, 3], keepdims=0)
    gate = model.add("Sigmoid", model.add("Gemm", pooled, model.weights(6, 6)))
    made = model.add("Mul", "x", model.add("Reshape", gate, model.integers(-1, 6, 1, 1)))
    network = assert_same(model, tmp_path, made)
    assert network.inputs[0].shape == (4, 5, 6)


def test_what_is_moved_once_is_not_moved_again(tmp_path: Path) -> None:
    model = Model(x=(1, 6, 4, 5))
    rows = model.add("Transpose", model.add("Reshape", "x", model.integers(1, 6, 20)), perm=[0, 2, 1])
    outputs = [model.add("MatMul", rows, model.weights(6, 3)) for _ in range(3)]
    network = assert_same(model, tmp_path, *outputs)
    assert sum(layer.layer == "transpose" for layer in network.layers) <= 1  # type: ignore[attr-defined]
