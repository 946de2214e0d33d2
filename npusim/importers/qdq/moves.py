"""Operations that move codes or choose among them: what codes mean stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.converters import parts, pooling, resizing, shaping
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter
from npusim.importers.qdq.builder import StepBuilder

MOVES: Mapping[str, Converter] = {
    **{
        op: shaping.CONVERTERS[op]
        for op in (
            "DepthToSpace",
            "Dropout",
            "Expand",
            "Flatten",
            "Identity",
            "Pad",
            "Reshape",
            "SpaceToDepth",
            "Squeeze",
            "Tile",
            "Transpose",
            "Unsqueeze",
        )
    },
    **parts.CONVERTERS,
    **resizing.CONVERTERS,
    **{op: pooling.CONVERTERS[op] for op in ("GlobalMaxPool", "MaxPool")},
}
"""The converters of float models serve: they look at shapes only."""


def move(node: OnnxNode, builder: StepBuilder) -> list[Tensor]:
    """The node's outputs, as codes of its first input's meaning."""
    if node.op == "Pad":
        node = _with_code(node, builder)
    made = MOVES[node.op](node, builder)
    outputs = made if isinstance(made, list) else [made]
    return [tensor for tensor in outputs if isinstance(tensor, Tensor)]


def _with_code(node: OnnxNode, builder: StepBuilder) -> OnnxNode:
    """A Pad that pads with the code of its value."""
    meaning = builder.meanings[node.inputs[0]]
    value = np.zeros(1, np.float32)
    if node.has_input(2):
        given = builder.constant(node, 2)
        own = builder.meanings.get(node.inputs[2])
        value = given.astype(np.float32) if own is None else own.dequantize(given)
    name = f"{node.outputs[0]} (code)"
    builder.values[name] = meaning.quantize(value.reshape(-1)[:1])
    return replace(node, inputs=(*node.inputs[:2], name, *node.inputs[3:]))
