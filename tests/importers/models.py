"""Small ONNX models, and what onnxruntime says about them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim.importers import import_network
from npusim.network import Network
from npusim.reference import run

Array = npt.NDArray[Any]


def need(package: str) -> Any:
    """A package; without it the test is skipped, but fails where CI=true."""
    try:
        return importlib.import_module(package)
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{package} is not installed; CI must have it")
        pytest.skip(f"{package} is not installed")


class Model:
    """An ONNX model in the making.

    Parameters
    ----------
    inputs
        Shapes by name, batch included; None or text is an open axis.
    """

    def __init__(self, opset: int = 17, **inputs: Sequence[int | str | None]) -> None:
        self.onnx = need("onnx")
        self.opset = opset
        self.inputs = inputs
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.rng = np.random.default_rng(7)

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name

    def integers(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def weights(self, *shape: int) -> str:
        return self.constant(self.rng.standard_normal(shape))

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def proto(self, *outputs: str) -> Any:
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in self.inputs.items()],
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [self.onnx.numpy_helper.from_array(values, name) for name, values in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", self.opset)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return self.onnx.shape_inference.infer_shapes(made)

    def save(self, folder: Path, *outputs: str) -> Path:
        path = folder / "model.onnx"
        path.write_bytes(self.proto(*outputs).SerializeToString())
        return path

    def inputs_for(self, images: int = 1) -> dict[str, Array]:
        return {
            name: self.rng.standard_normal((images, *shape[1:])).astype(np.float32)  # type: ignore[arg-type]
            for name, shape in self.inputs.items()
        }


def session_outputs(proto: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """What onnxruntime computes."""
    runtime = need("onnxruntime")
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def as_stored(values: Array, shape: Sequence[int]) -> Array:
    """An ONNX tensor as a network stores it: as it is, or with its channels last."""
    moved = np.moveaxis(values, 1, -1) if values.ndim > 2 else values
    return moved if moved.shape[1:] == tuple(shape) else values.reshape(len(values), *shape)


def assert_same(
    model: Model, folder: Path, *outputs: str, tolerance: float = 1e-5, layers: Sequence[str] | None = None
) -> Network:
    """Import a model, compare every output with onnxruntime, and perhaps the layers it became."""
    path = model.save(folder, *outputs)
    network = import_network(path)
    inputs = model.inputs_for()
    wanted = session_outputs(model.proto(*outputs), inputs)
    stored = {x.name: as_stored(inputs[x.name], x.shape) for x in network.inputs}
    made = run(network, stored)
    assert list(network.outputs) == list(outputs)
    for name in outputs:
        expected = as_stored(wanted[name], made[name].shape[1:])
        assert np.abs(made[name] - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
    if layers is not None:
        assert [layer.layer for layer in network.ordered_layers] == list(layers)  # type: ignore[attr-defined]
    return network
