"""ONNX Runtime's quantized operators, and programs compared with them tensor by tensor.

The reference is what ONNX Runtime itself fuses a QDQ model to: the model is optimized once
(ORT_ENABLE_EXTENDED, which fuses and keeps the layout), then every tensor of the result is made an
output and it runs as it is (ORT_DISABLE_ALL), on the CPU and on one thread.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from npusim.importers.onnx.builder import Tensor
from npusim.importers.qdq.importer import ImportedOnnx
from npusim.simulator import Simulator
from tools.comparison import Comparison

Array = npt.NDArray[Any]

_CPU = ["CPUExecutionProvider"]


def optimized(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as ONNX Runtime fuses it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 3
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=_CPU)
        return onnx.load(path)


def with_unsigned_activations(model: onnx.ModelProto) -> onnx.ModelProto:
    """A QDQ model with uint8 instead of int8 activations, whose zero points are 128 higher.

    ONNX Runtime rewrites models so itself on x86-64, but leaves out tensors that are read more than once,
    and then computes the operators beside them in float. Other models are left as they are.
    """
    codes = {node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    if any(node.op_type != "DequantizeLinear" and codes & {*node.input} for node in model.graph.node):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {tensor.name: tensor for tensor in made.graph.initializer}
    zeros = {
        node.input[2]
        for node in made.graph.node
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"} and len(node.input) > 2
        if node.input[0] not in constants and {node.input[0], node.output[0]} & codes
    }
    for name in zeros:
        values = onnx.numpy_helper.to_array(constants[name])
        if values.dtype == np.int8:
            lifted = (values.astype(np.int16) + 128).astype(np.uint8)
            constants[name].CopyFrom(onnx.numpy_helper.from_array(lifted, name))
    return made


class Reference:
    """A model as ONNX Runtime fuses it, with every tensor to be read.

    Attributes
    ----------
    fused
        The operations that are left after fusing.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        fused = optimized(with_unsigned_activations(model))
        self.fused = [node.op_type for node in fused.graph.node]
        made = [name for node in fused.graph.node for name in node.output if name]
        del fused.graph.output[:]
        fused.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(fused.SerializeToString(), options, providers=_CPU)
        self._names = made

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """All tensors of one image, by name; those of the model's inputs as well."""
        return {**inputs, **dict(zip(self._names, self._session.run(self._names, dict(inputs)), strict=True))}


class Comparer:
    """A model's program beside ONNX Runtime: every tensor of codes that both compute is compared.

    The program is fed the codes that ONNX Runtime's first QuantizeLinear makes. It runs twice: with every
    tensor tapped, and as its users run it, for the outputs.
    """

    def __init__(self, model: onnx.ModelProto, imported: ImportedOnnx) -> None:
        self.program, self._tensors = imported.program, imported.tensors
        self.reference, self._simulator = Reference(model), Simulator(imported.program)
        self._points = {step.output: step.name for step in self.program.steps}

    def add(self, inputs: Mapping[str, Array], found: Comparison) -> None:
        """Compare one image; inputs as the model reads them."""
        made = self.reference.run(inputs)
        codes = {
            name: (x, made[name])
            for name, x in self._tensors.items()
            if name in made and made[name].dtype in (np.uint8, np.int8)
        }
        feed = {
            x.name: self._as_declared(x, stored(x.view.stored_indices(), values)).reshape(1, *x.stored)
            for x, values in codes.values()
            if x.name in self.program.input_names
        }
        taps = self._simulator.run(feed, taps=[f"{name}:output" for name in self._points.values()]).taps
        direct = self._simulator.run(feed).outputs
        found.images += 1
        found.tensors = sum(x.name in self._points for x, _ in codes.values())
        for name, (x, wanted) in codes.items():
            if x.name in self._points:
                expected = self._as_declared(x, stored(x.view.stored_indices(), wanted))
                found.count(taps[self._points[x.name]]["output"], expected, name)
                if x.name in direct:
                    found.count(direct[x.name], expected, f"{name} (untapped)")

    def _as_declared(self, x: Tensor, codes: Array) -> Array:
        """Codes of the program's type: 128 lower where ONNX Runtime computes with uint8 instead of int8."""
        wanted = self.program.tensors[x.name].dtype
        return codes if codes.dtype == wanted else (codes.astype(np.int16) - 128).astype(wanted)


def stored(places: npt.NDArray[np.int64], values: Array) -> Array:
    """A tensor of ONNX's in the order in which a program stores it."""
    made = np.empty(values.size, values.dtype)
    made[places] = values.reshape(-1)
    return made


def random_floats(
    imported: ImportedOnnx, model: onnx.ModelProto, rng: np.random.Generator
) -> dict[str, Array]:
    """Inputs of the whole range of codes: floats that become any code, or the codes themselves."""
    made = {}
    for value, x in zip(model.graph.input, imported.program.inputs, strict=True):
        codes = imported.program.tensors[x.name].codes.interval
        shape = [1, *(dim.dim_value for dim in value.type.tensor_type.shape.dim[1:])]
        drawn = rng.integers(codes.low, codes.high + 1, shape)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            assert x.scale is not None
            assert x.zero_point is not None
            made[value.name] = ((drawn - x.zero_point) * np.float32(x.scale)).astype(np.float32)
        else:
            made[value.name] = drawn.astype(x.dtype)
    return made
