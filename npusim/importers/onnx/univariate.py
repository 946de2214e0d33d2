"""Recognises activation functions that exporters took apart, by what they compute.

silu is x * sigmoid(x); hard-swish x * clip(x + 3, 0, 6) / 6 or x * hard_sigmoid(x); gelu has half a
dozen forms. Instead of one pattern per exporter, every part of the graph that computes a function of
one tensor from scalars is evaluated at many points and compared with the functions that have a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from npusim.importers.onnx.elementwise import ELEMENTWISE, sigmoid
from npusim.importers.onnx.graph import Array, OnnxGraph, OnnxNode

Points = npt.NDArray[np.float64]

MAX_NODES = 16
"""The largest part that is looked at; the longest known form of gelu has 9 operations."""

_POINTS: Points = np.concatenate([np.linspace(-12.3, 12.3, 4001), [-900.0, -60.0, 0.0, 60.0, 900.0]])
_TOLERANCE = 2e-6  # the files hold float32 constants such as sqrt(2) and 1/6


def _gelu(x: Points) -> Points:
    half: Points = x * ELEMENTWISE["Erf"](OnnxNode("Erf", "", (), ()), [x / np.sqrt(2)])
    return 0.5 * (x + half)


_FUNCTIONS: dict[str, tuple[Callable[[Points], Points], dict[str, str | float]]] = {
    "HardSwish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, {}),
    "HardSigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), {"alpha": 1 / 6, "beta": 0.5}),
    "Silu": (lambda x: x * sigmoid(x), {}),
    "Sigmoid": (sigmoid, {}),
    "Gelu": (_gelu, {}),
    "GeluTanh": (
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        {"approximate": "tanh"},
    ),
    "Mish": (lambda x: x * np.tanh(np.logaddexp(x, 0)), {}),
}


@dataclass(frozen=True)
class _Part:
    """Nodes that compute one tensor from another."""

    leaf: str
    nodes: tuple[OnnxNode, ...]


def recognise_functions(graph: OnnxGraph) -> OnnxGraph:
    """The graph with every recognised part replaced by one node."""
    makers, uses = graph.makers(), graph.uses()
    position = {node.outputs[0]: index for index, node in enumerate(graph.nodes)}
    replaced: dict[str, OnnxNode] = {}
    gone: set[str] = set()
    for root in reversed(graph.nodes):
        if root.op not in ELEMENTWISE or root.outputs[0] in gone:
            continue
        for part in reversed(_parts(root, graph.constants, makers, position)):
            inner = {node.outputs[0] for node in part.nodes}
            if inner & gone or not _closed(part, root, uses, inner):
                continue
            found = _recognise(part, root, graph.constants)
            if found is not None:
                replaced[root.outputs[0]] = found
                gone |= inner
                break
    kept = [
        replaced.get(n.outputs[0], n)
        for n in graph.nodes
        if n.outputs[0] in replaced or n.outputs[0] not in gone
    ]
    return replace(graph, nodes=tuple(kept))


def _parts(
    root: OnnxNode,
    constants: Mapping[str, Array],
    makers: Mapping[str, OnnxNode],
    position: Mapping[str, int],
) -> list[_Part]:
    """The parts that end in `root` and start from one tensor, from small to large."""
    parts: list[_Part] = []
    nodes: list[OnnxNode] = []
    frontier = {root.outputs[0]}
    while len(nodes) < MAX_NODES:
        made = [name for name in frontier if name in position and makers[name].op in ELEMENTWISE]
        if not made:
            break
        latest = makers[max(made, key=position.__getitem__)]
        scalars = [constants[name] for name in latest.inputs if name in constants]
        if any(value.size != 1 for value in scalars):
            break
        nodes.append(latest)
        frontier.discard(latest.outputs[0])
        frontier |= {name for name in latest.inputs if name and name not in constants}
        if len(frontier) == 1 and len(nodes) > 1:
            parts.append(_Part(next(iter(frontier)), tuple(reversed(nodes))))
    return parts


def _closed(part: _Part, root: OnnxNode, uses: Mapping[str, int], inner: set[str]) -> bool:
    """Whether nothing outside reads what the part makes on its way."""
    read_inside = [name for node in part.nodes for name in node.inputs]
    return all(uses[name] == read_inside.count(name) for name in inner - {root.outputs[0]})


def _recognise(part: _Part, root: OnnxNode, constants: Mapping[str, Array]) -> OnnxNode | None:
    values: dict[str, Array] = {part.leaf: _POINTS}
    with np.errstate(all="ignore"):
        for node in part.nodes:
            inputs = [values[n] if n in values else constants[n].astype(np.float64) for n in node.inputs if n]
            try:
                values[node.outputs[0]] = np.asarray(ELEMENTWISE[node.op](node, inputs))
            except (TypeError, ValueError):
                return None
    made = values[root.outputs[0]]
    if made.shape != _POINTS.shape or not np.isfinite(made).all():
        return None
    for op, (function, attributes) in _FUNCTIONS.items():
        if np.allclose(made, function(_POINTS), rtol=_TOLERANCE, atol=_TOLERANCE):
            name = "Gelu" if op == "GeluTanh" else op
            return OnnxNode(name, root.name, (part.leaf,), root.outputs, attributes, root.opset)
    return None
