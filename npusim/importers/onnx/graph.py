"""An ONNX graph in plain Python: nodes, constants, inputs, outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError

Array = npt.NDArray[Any]
Attribute = int | float | str | Array | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True)
class OnnxNode:
    """One operation.

    Attributes
    ----------
    inputs
        Tensor names; "" for an optional input that is not given.
    opset
        The version of the operator set it belongs to.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    opset: int = 21

    @property
    def label(self) -> str:
        """How errors call it."""
        return f"node {self.name} ({self.op})"

    def error(self, problem: str, *, found: object = None, allowed: str | None = None) -> InputError:
        """An error about this node."""
        return InputError(problem, key=self.label, found=found, allowed=allowed)

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self.error(f"the attribute {name} must be an integer", found=value)
        return value

    def number(self, name: str, default: float) -> float:
        """A number attribute; ONNX holds float32."""
        value = self.attributes.get(name, default)
        if not isinstance(value, (int, float)) or not np.isfinite(value):
            raise self.error(f"the attribute {name} must be a finite number", found=value)
        return float(value)

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self.error(f"the attribute {name} must be a string", found=value)
        return value

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """A list of integers."""
        value = self.attributes.get(name, default)
        if value is None:
            return None
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise self.error(f"the attribute {name} must be a list of integers", found=value)
        return tuple(int(item) for item in value)

    def has_input(self, index: int) -> bool:
        """Whether an optional input is given."""
        return index < len(self.inputs) and self.inputs[index] != ""


@dataclass(frozen=True)
class OnnxGraph:
    """A graph whose nodes stand in execution order.

    Attributes
    ----------
    inputs
        Shapes by name, batch included; the batch is 1.
    batch
        The batch of the file where it is fixed, else 1: shape constants may repeat it.
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]
    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    batch: int = 1

    def uses(self) -> Counter[str]:
        """How often each tensor is read; being an output counts as well."""
        return Counter([name for node in self.nodes for name in node.inputs] + list(self.outputs))

    def readers(self) -> dict[str, list[OnnxNode]]:
        """Which nodes read each tensor."""
        found: dict[str, list[OnnxNode]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def makers(self) -> dict[str, OnnxNode]:
        """Which node makes each tensor."""
        return {name: node for node in self.nodes for name in node.outputs if name}
