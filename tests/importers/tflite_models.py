"""Small TFLite models, and what LiteRT's reference kernels say about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.importers.tflite.importer import ImportedModel, import_tflite
from tests.importers.models import need

Array = npt.NDArray[Any]
DTYPES = {
    "INT4": np.int8,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FLOAT32": np.float32,
}
VERSIONS = {
    "ASSIGN_VARIABLE": 1,
    "CALL_ONCE": 1,
    "READ_VARIABLE": 1,
    "VAR_HANDLE": 1,
    "DEPTH_TO_SPACE": 1,
    "EXPAND_DIMS": 1,
    "SHAPE": 1,
    "CUSTOM": 1,
    "HARD_SWISH": 1,
    "PRELU": 1,
    "RELU_0_TO_1": 1,
    "RELU_N1_TO_1": 1,
    "RESHAPE": 1,
    "SQUEEZE": 1,
}
"""Of operators whose first or only version is meant."""


class TfliteModel:
    """A TFLite model in the making; tensors are called by their index."""

    def __init__(self) -> None:
        self.schema = need("ai_edge_litert.schema_py_generated")
        self.graph = self.schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs = [], [], []
        self.model = self.schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes, self.model.buffers = [], [self.schema.BufferT()]
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        shape: Sequence[int],
        kind: str,
        scale: float | Sequence[float] | None = None,
        zero: int = 0,
        axis: int = 0,
        data: Array | None = None,
    ) -> int:
        made = self.schema.TensorT()
        made.name = f"t{len(self.graph.tensors)}"
        made.shape = list(shape)
        made.type = getattr(self.schema.TensorType, kind)
        if scale is not None:
            quantization = self.schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.array(scale, np.float32)).tolist()
            quantization.zeroPoint = [zero] * len(quantization.scale)
            quantization.quantizedDimension = axis
            made.quantization = quantization
        if data is not None:
            buffer = self.schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, DTYPES[kind]).tobytes(), np.uint8)
            if kind == "INT4":
                nibbles = np.append(buffer.data & 15, np.zeros(buffer.data.size % 2, np.uint8))
                buffer.data = nibbles[::2] | nibbles[1::2] << 4
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, shape: Sequence[int], kind: str, scale: float | None = None, zero: int = 0) -> int:
        index = self.tensor(shape, kind, scale, zero)
        self.graph.inputs.append(index)
        return index

    def constant(
        self, data: npt.ArrayLike, kind: str, scale: Any = None, zero: int = 0, axis: int = 0
    ) -> int:
        values = np.asarray(data, DTYPES[kind])
        return self.tensor(values.shape, kind, scale, zero, axis, values)

    def add(
        self, op: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **values: Any
    ) -> None:
        made, code = self.schema.OperatorT(), self.schema.OperatorCodeT()
        code.builtinCode = getattr(self.schema.BuiltinOperator, op)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), VERSIONS.get(op, 2)
        made.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        made.inputs, made.outputs = list(inputs), list(outputs)
        if options:
            made.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            made.builtinOptions = getattr(self.schema, f"{options}T")()
            for name, value in values.items():
                assert hasattr(made.builtinOptions, name), name
                setattr(made.builtinOptions, name, value)
        self.graph.operators.append(made)

    def variable(self, name: str, codes: Array, kind: str) -> int:
        """A variable that starts as these codes; returns its handle. One to a model."""
        start, main = self.schema.SubGraphT(), self.graph
        start.tensors, start.operators, start.inputs, start.outputs = [], [], [], []
        self.model.subgraphs.append(start)
        self.graph = start
        given = self.constant(codes, kind)
        self.add("ASSIGN_VARIABLE", [self._handle(name), given], [], "AssignVariableOptions")
        self.graph = main
        self.add("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=len(self.model.subgraphs) - 1)
        return self._handle(name)

    def _handle(self, name: str) -> int:
        handle = self.tensor((1,), "RESOURCE")
        self.add("VAR_HANDLE", [], [handle], "VarHandleOptions", container="", sharedName=name)
        return handle

    def content(self, *outputs: int) -> bytes:
        flatbuffers = need("flatbuffers")
        self.graph.outputs = list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def save(self, folder: Path, *outputs: int) -> Path:
        path = folder / "model.tflite"
        path.write_bytes(self.content(*outputs))
        return path


def assert_exact(
    model: TfliteModel, folder: Path, *outputs: int, images: int = 3, seed: int = 0
) -> ImportedModel:
    """Import a model and compare it with the reference on random codes."""
    path = model.save(folder, *outputs)
    imported = import_tflite(path)
    litert, rng = need("tools.litert"), np.random.default_rng(seed)
    comparer, found = litert.Comparer(path.read_bytes(), imported), litert.Comparison()
    for _ in range(images):
        comparer.add(litert.random_codes(imported, rng), found)
    assert found.values > 0
    assert found.differing == {}
    return imported
