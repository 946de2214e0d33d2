"""Recognises vectors divided by their own length, which exporters take apart.

``x / max(length, epsilon)`` is what torch.nn.functional.normalize becomes; the length is a ReduceL2 or the
root of a sum of squares, and is perhaps expanded to the shape of x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from npusim.importers.onnx.graph import Array, OnnxGraph, OnnxNode


@dataclass(frozen=True)
class _Graph:
    makers: Mapping[str, OnnxNode]
    constants: Mapping[str, Array]

    def made_by(self, name: str, *ops: str) -> OnnxNode | None:
        """The node that makes a tensor, if it is one of these operations."""
        node = self.makers.get(name)
        return node if node is not None and node.op in ops else None

    def number(self, name: str) -> float | None:
        """A constant number."""
        value = self.constants.get(name)
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None


def recognise_norms(graph: OnnxGraph) -> OnnxGraph:
    """The graph with every such division replaced by one LpNormalization."""
    parts = _Graph(graph.makers(), graph.constants)
    return replace(graph, nodes=tuple(_normalization(node, parts) or node for node in graph.nodes))


def _normalization(node: OnnxNode, graph: _Graph) -> OnnxNode | None:
    if node.op != "Div" or len(node.inputs) != 2:
        return None
    x, divisor = node.inputs
    repeated = graph.made_by(divisor, "Expand")
    name, epsilon = _limited(divisor if repeated is None else repeated.inputs[0], graph)
    axis = _axis_of_length(name, x, graph)
    if axis is None or epsilon <= 0:
        return None
    attributes = {"axis": axis, "p": 2, "epsilon": epsilon}
    return OnnxNode("LpNormalization", node.name, (x,), node.outputs, attributes, node.opset)


def _limited(name: str, graph: _Graph) -> tuple[str, float]:
    """The tensor below a lower bound, and the bound."""
    node = graph.made_by(name, "Clip", "Max")
    if node is None or len(node.inputs) < 2:
        return name, 1e-12
    if node.op == "Clip":
        bound = graph.number(node.inputs[1])
        limits = node.has_input(2)
        return (name, 1e-12) if bound is None or limits else (node.inputs[0], bound)
    for own, other in (node.inputs[:2], node.inputs[1::-1]):
        bound = graph.number(other)
        if bound is not None and len(node.inputs) == 2:
            return own, bound
    return name, 1e-12


def _axis_of_length(name: str, x: str, graph: _Graph) -> int | None:
    """The one axis along which a tensor is the length of x; None: it is not."""
    node = graph.made_by(name, "ReduceL2")
    read = x
    if node is None:
        root = graph.made_by(name, "Sqrt")
        node = None if root is None else graph.made_by(root.inputs[0], "ReduceSum", "ReduceSumSquare")
        if node is not None and node.op == "ReduceSum":
            square = graph.made_by(node.inputs[0], "Mul", "Pow")
            if square is None or not _is_square(square, x, graph):
                return None
            read = node.inputs[0]
    if node is None or node.inputs[0] != read or not node.integer("keepdims", 1):
        return None
    axes = node.integers("axes")
    if node.has_input(1):
        given = graph.constants.get(node.inputs[1])
        axes = None if given is None else tuple(int(axis) for axis in given.reshape(-1))
    return axes[0] if axes is not None and len(axes) == 1 else None


def _is_square(node: OnnxNode, x: str, graph: _Graph) -> bool:
    if node.op == "Mul":
        return node.inputs == (x, x)
    return node.inputs[0] == x and graph.number(node.inputs[1]) == 2.0
