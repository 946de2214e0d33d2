"""The walk over a quantized graph, node by node."""

from __future__ import annotations

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.folding import evaluate
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.qdq.floats import convert_float
from npusim.importers.qdq.integers import dequantize, quantize, quantized_operator
from npusim.importers.qdq.qoperators import DYNAMIC, qoperator
from npusim.importers.qdq.state import State


def convert(node: OnnxNode, state: State) -> None:
    """One node, all of whose inputs were converted."""
    if node.op in DYNAMIC:
        raise node.error(
            "operators whose scales are computed while the model runs are not supported",
            allowed="static quantization, as onnxruntime.quantization.quantize_static makes it",
        )
    layout = qoperator(node.op, len(node.inputs))
    if node.op == "QuantizeLinear":
        quantize(node, state)
    elif node.op == "DequantizeLinear":
        dequantize(node, state)
    elif layout is not None:
        quantized_operator(node, layout, state)
    elif not _fold(node, state):
        convert_float(node, state)


def _fold(node: OnnxNode, state: State) -> bool:
    """Evaluate what depends on constants and shapes only."""
    builder = state.builder
    values = [builder.values.get(name) for name in node.inputs]
    constants = [
        value if isinstance(value, np.ndarray) and name not in builder.meanings else None
        for name, value in zip(node.inputs, values, strict=True)
    ]
    if node.op == "Shape" and isinstance(values[0], Tensor):
        constants = [np.empty(values[0].shape, np.int8)]
    made = evaluate(node, constants)
    if made is not None:
        builder.values[next(name for name in node.outputs if name)] = made
    return made is not None
