"""What became of each ONNX tensor besides codes and constants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.qdq.builder import StepBuilder
from npusim.importers.qdq.functions import FloatFunction
from npusim.importers.qdq.fused import Fused
from npusim.importers.qdq.quantization import Quantization, make_quantization


class State:
    """What the walk over a graph knows so far.

    Attributes
    ----------
    waiting
        Floats that a quantized operator would make: by tensor the node, until a QuantizeLinear says of
        which scale. What waits for ever is the host's.
    functions
        Functions of single values that were met since DequantizeLinear, with the names of their results.
    host
        Floats of the host: by tensor whether the program's results are needed for it.
    fused
        The tensors that waited and were fused.
    inexact
        Operators that ONNX Runtime does not fuse: it computes them in float.
    lifts
        Whether operators were fused whose codes ONNX Runtime lifts to uint8.
    uses
        How often each tensor is read.
    """

    def __init__(self, builder: StepBuilder) -> None:
        self.builder = builder
        self.waiting: dict[str, OnnxNode] = {}
        self.functions: dict[str, tuple[tuple[str, FloatFunction], ...]] = {}
        self.host: dict[str, bool] = dict.fromkeys(builder.graph.inputs, False)
        self.fused: set[str] = set()
        self.inexact: list[Fused] = []
        self.lifts = False
        self.uses = builder.graph.uses()

    def is_float(self, name: str) -> bool:
        """Whether a tensor is computed by the host, unless a later node fuses it."""
        return name in self.host or (self.waits(name) and name not in self.fused)

    def waits(self, name: str) -> bool:
        """Whether a tensor is no codes, and none of the host's yet."""
        return name in self.functions or name in self.waiting

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is known, as codes or as floats."""
        return isinstance(self.builder.values.get(name), np.ndarray)

    def coded(self, node: OnnxNode, name: str) -> Tensor:
        """A tensor of codes that the program computes, and a node reads."""
        value = self.builder.values.get(name)
        if not isinstance(value, Tensor) or name not in self.builder.meanings:
            raise node.error("reads a tensor that is no codes", found=name)
        return value

    def known_floats(self, names: Sequence[str]) -> list[Array | None]:
        """Constants as real numbers; None for what is none."""
        found: list[Array | None] = []
        for name in names:
            value, meaning = self.builder.values.get(name), self.builder.meanings.get(name)
            if not isinstance(value, np.ndarray):
                found.append(None)
            else:
                found.append(value if meaning is None else meaning.dequantize(value))
        return found

    def meaning(self, node: OnnxNode, scale: int, zero: int, default: np.dtype) -> Quantization:
        """The meaning that a node's inputs at these places give."""
        if node.integer("block_size", 0):
            raise node.error("scales by blocks are not supported")
        return make_quantization(
            node,
            self.builder.constant(node, scale),
            self.builder.optional_constant(node, zero),
            default,
            node.integer("axis", 1),
        )
