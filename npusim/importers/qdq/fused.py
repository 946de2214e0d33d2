"""A quantized operator: an operation between codes, whichever form the model writes it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.importers.qdq.builder import Coded, StepBuilder
from npusim.importers.qdq.quantization import Quantization


@dataclass(frozen=True)
class Fused:
    """What a converter is given.

    Attributes
    ----------
    node
        With the attributes; its output is the ONNX tensor of codes.
    operands
        Codes with their meaning, weights and biases among them; None for what is left out.
    result
        What the output's codes mean.
    low, high
        Bounds of a clipping that follows, real; None: none.
    lift
        How much higher than the model's the codes are that ONNX Runtime computes with: it runs QDQ models
        with int8 activations as uint8 ones, on x86-64.
    """

    node: OnnxNode
    operands: tuple[Coded | None, ...]
    result: Quantization
    low: float | None = None
    high: float | None = None
    lift: int = 0

    def operand(self, index: int) -> Coded:
        """An operand that must be given."""
        found = self.operands[index] if index < len(self.operands) else None
        if found is None:
            raise self.node.error(f"operand {index} is missing")
        return found

    def tensor(self, index: int, builder: StepBuilder) -> tuple[Tensor, Quantization]:
        """An operand that the program computes, in the datapath's codes."""
        found = self.operand(index)
        if not isinstance(found.content, Tensor):
            raise self.node.error(f"operand {index} must not be a constant")
        return found.content, self.checked(found.meaning, builder)

    def checked(self, meaning: Quantization, builder: StepBuilder) -> Quantization:
        """A meaning that is one for the whole tensor, of the datapath's codes."""
        if not meaning.per_tensor:
            raise self.node.error("activations have one scale", found=f"{meaning.scales.size} scales")
        if meaning.dtype.kind == "f":
            raise self.node.error("reads a float constant between integers", allowed="a quantized one")
        if meaning.dtype != builder.dtype:
            raise self.node.error(
                "activations of two types in one model are not supported",
                found=str(meaning.dtype),
                allowed=str(builder.dtype),
            )
        return meaning

    def constant(self, index: int) -> tuple[Array, Quantization]:
        """An operand that is known: weights."""
        found = self.operand(index)
        if isinstance(found.content, Tensor):
            raise self.node.error(f"operand {index} must be a constant")
        return found.content, found.meaning

    def clips(self) -> dict[str, int]:
        """The result's zero point and bounds: the type's, or those of the clipping that follows."""
        codes = self.result.codes
        ends = [
            limit if bound is None else int(self.result.quantize(np.array([bound], np.float32))[0])
            for bound, limit in ((self.low, codes.low), (self.high, codes.high))
        ]
        if ends[0] > ends[1]:
            raise self.node.error("the bounds of the clipping cross", found=(self.low, self.high))
        return {"y_zero": self.result.zero, "low": ends[0], "high": ends[1]}

    @property
    def activation(self) -> str:
        """Which bounds an activation function set."""
        return {(0, 0): "none", (1, 0): "low", (0, 1): "high", (1, 1): "both"}[
            int(self.low is not None), int(self.high is not None)
        ]


FusedConverter = Callable[[Fused, StepBuilder], Tensor]
"""Adds the steps of a quantized operator; returns its result."""


def single_bits(value: np.float32) -> int:
    """The pattern of a float32."""
    return int(np.array(value, np.float32).view(np.uint32))
