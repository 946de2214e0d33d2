"""Exports of common PyTorch blocks: the same in float, near it in integers, at whatever operator set."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.importers import import_network
from npusim.reference import run
from tests.importers.models import Array, as_stored, need

if os.environ.get("CI") != "true":  # there they must be installed
    for package in ("torch", "onnxscript"):
        pytest.importorskip(package)

from tests.importers.torch_models import MODELS, exported

RECIPES = ("wes", "per_channel", "layerwise")


def export(name: str, folder: Path, opset: int = 17, *, dynamo: bool = False) -> Path:
    path = folder / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported(name, str(path), opset=opset, dynamo=dynamo)
    return path


def answers(path: Path, images: dict[str, Array]) -> dict[str, Array]:
    """What onnxruntime answers, image by image."""
    session = need("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    count = len(next(iter(images.values())))
    single = [session.run(names, {k: v[i : i + 1] for k, v in images.items()}) for i in range(count)]
    return {name: np.concatenate(parts) for name, parts in zip(names, zip(*single, strict=True), strict=True)}


def check_float(path: Path) -> tuple[Any, dict[str, Array], dict[str, Array]]:
    """Import and compare to 1e-4 of the greatest value; the network, its inputs, its outputs."""
    network = import_network(path)
    session = need("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(1)
    images = {
        x.name: random.standard_normal((6, *x.shape[1:])).astype(np.float32) for x in session.get_inputs()
    }
    wanted = answers(path, images)
    stored = {x.name: as_stored(images[x.name], x.shape) for x in network.inputs}
    made = run(network, stored)
    assert list(made) == list(wanted)
    for name, values in wanted.items():
        found = made[name]
        if network.notes:  # logits: what is left out is a log-softmax
            found = found - np.log(np.exp(found).sum(axis=-1, keepdims=True))
        expected = as_stored(values, found.shape[1:])
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    return network, stored, made


@pytest.mark.parametrize("name", MODELS)
def test_the_same_in_float_and_near_it_in_integers(name: str, tmp_path: Path) -> None:
    network, inputs, wanted = check_float(export(name, tmp_path))
    for recipe in RECIPES:
        program = npusim.compile(network, "wes_npu", recipe, inputs)
        made = npusim.simulate(program, inputs, threads=1).dequantized
        for output, values in wanted.items():
            noise = np.mean((made[output] - values.astype(np.float64)) ** 2)
            assert 10 * np.log10(np.mean(values.astype(np.float64) ** 2) / noise) > 15, (recipe, output)


@pytest.mark.parametrize("name", ["aspp", "streaming_keywords", "tokens"])
def test_the_newer_exporter(name: str, tmp_path: Path) -> None:
    check_float(export(name, tmp_path, 18, dynamo=True))


@pytest.mark.parametrize("opset", [11, 13, 15, 19])
def test_operator_sets(opset: int, tmp_path: Path) -> None:
    for name in ("mobilenet_v3", "aspp"):
        check_float(export(name, tmp_path, opset))


def test_the_newest_operator_set(tmp_path: Path) -> None:
    onnx, path = need("onnx"), export("mobilenet_v3", tmp_path, 20)
    onnx.save(onnx.version_converter.convert_version(onnx.load(path), 21), path)
    check_float(path)
