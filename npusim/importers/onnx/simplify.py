"""What is taken out of an ONNX graph before it is converted."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from npusim.importers.onnx.folding import fold_constants
from npusim.importers.onnx.graph import OnnxGraph, OnnxNode
from npusim.importers.onnx.norms import recognise_norms
from npusim.importers.onnx.univariate import recognise_functions

_SHAPING = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Transpose", "Dropout"}


class LastSoftmax(StrEnum):
    """Where a softmax at the end of a model is computed."""

    HOST = "host"
    """On the host: the network ends before it and answers with logits."""
    KEEP = "keep"
    """In the network."""


def simplify(graph: OnnxGraph, last_softmax: LastSoftmax = LastSoftmax.HOST) -> tuple[OnnxGraph, list[str]]:
    """The graph with constants folded, functions recognised and host operations left out, and notes on it."""
    graph = recognise_norms(recognise_functions(fold_constants(graph)))
    left_out = {"Softmax", "LogSoftmax"} if last_softmax is LastSoftmax.HOST else {"LogSoftmax"}
    return _without_last(left_out, _without_unused(graph))


def _without_unused(graph: OnnxGraph) -> OnnxGraph:
    """Only the nodes that outputs depend on."""
    wanted = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted |= set(node.inputs)
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)))


def _without_last(left_out: set[str], graph: OnnxGraph) -> tuple[OnnxGraph, list[str]]:
    """Softmax at the end runs on the host (W8): the network answers with logits."""
    read_on: set[str] = set()  # tensors that reach something other than the end
    last: set[str] = set()  # softmaxes that reach the end only
    for node in reversed(graph.nodes):
        at_end = read_on.isdisjoint(node.outputs)
        if node.op in left_out and at_end:
            last.add(node.outputs[0])
        if node.op not in _SHAPING or not at_end:
            read_on |= set(node.inputs)
    nodes, notes = [], []
    for node in graph.nodes:
        if node.op in left_out and node.outputs[0] in last:
            nodes.append(OnnxNode("Identity", node.name, node.inputs, node.outputs, {}, node.opset))
            notes.append(f"{node.op} {node.name} at the end was left to the host: the output holds logits")
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes)), notes
