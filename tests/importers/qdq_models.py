"""Small quantized ONNX models in QDQ form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.importers.models import need

Array = npt.NDArray[Any]


class QdqModel:
    """A QDQ model in the making: floats by name, quantized and dequantized where it says so.

    Parameters
    ----------
    dtype
        Of activations.
    """

    def __init__(self, dtype: Any = np.uint8, opset: int = 13) -> None:
        self.onnx = need("onnx")
        self.dtype, self.opset = np.dtype(dtype), opset
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[str] = []
        self._count = 0

    def name(self, wanted: str) -> str:
        """A name that is not taken."""
        self._count += 1
        return f"{wanted}_{self._count}"

    def constant(self, values: Any, dtype: Any) -> str:
        """An initializer."""
        name = self.name("constant")
        self.constants.append(self.onnx.numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def node(self, op: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> list[str]:
        """A node; returns its outputs."""
        made = [self.name(op.lower()) for _ in range(outputs)]
        domain = attributes.pop("domain", "")
        self.nodes.append(self.onnx.helper.make_node(op, inputs, made, made[0], domain=domain, **attributes))
        return made

    def op(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node with one output."""
        return self.node(op, inputs, **attributes)[0]

    def input(self, shape: Sequence[int], scale: float = 0.05, zero: int = 3) -> str:
        """A float input, quantized and dequantized."""
        name = self.name("x")
        kind = self.onnx.TensorProto.FLOAT
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, list(shape)))
        return self.quantized(name, scale, zero)

    def quantized(self, name: str, scale: float = 0.05, zero: int = 3) -> str:
        """A float through codes."""
        parameters = [self.constant(scale, np.float32), self.constant(zero, self.dtype)]
        codes = self.op("QuantizeLinear", [name, *parameters])
        return self.op("DequantizeLinear", [codes, *parameters])

    def weights(
        self, codes: Array, scales: float | Sequence[float] | Array = 0.01, zeros: Any = 0, axis: int = 0
    ) -> str:
        """Constant codes, dequantized."""
        name = self.constant(codes, codes.dtype)
        zero = np.broadcast_to(np.array(zeros, codes.dtype), np.shape(scales))
        parameters = [self.constant(scales, np.float32), self.constant(zero, codes.dtype)]
        along = {"axis": axis} if self.opset > 12 else {}
        return self.op("DequantizeLinear", [name, *parameters], **along)

    def output(self, *names: str) -> None:
        """Outputs of the model, float."""
        self.outputs += names

    def proto(self) -> Any:
        """The model."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        outputs = [helper.make_tensor_value_info(name, kind, None) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "g", self.inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10 if self.opset > 20 else 8)
