"""In which order an input's axes are stored: images and signals with their channels last."""

from __future__ import annotations

from npusim.importers.onnx.graph import OnnxGraph

_SPATIAL = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
_REARRANGING = {
    "Transpose",
    "Reshape",
    "Flatten",
    "MatMul",
    "Gemm",
    "Squeeze",
    "Unsqueeze",
    "Gather",
    "Shape",
}
_REDUCING = {"ReduceMean", "ReduceSum", "ReduceMax", "ArgMax"}


def stored_order(graph: OnnxGraph, name: str, rank: int) -> tuple[int, ...]:
    """The ONNX axes of an input in stored order, without the batch.

    Channels last where a convolution or a pool, which read axis 1 as channels, comes before anything
    that rearranges axes. Other images have channels last as well, unless the model transposes them
    first: its exporter took images with channels last. Everything else is stored as it is.
    """
    plain, moved = tuple(range(1, rank)), (*range(2, rank), 1)
    if rank < 3:
        return plain
    met = _first_met(graph, name)
    if met & _SPATIAL:
        return moved
    return moved if rank == 4 and "Transpose" not in met else plain


def _first_met(graph: OnnxGraph, name: str) -> set[str]:
    """The first operations that care for the order of axes, on all ways from a tensor."""
    readers = graph.readers()
    met: set[str] = set()
    seen, waiting = {name}, [name]
    while waiting:
        for node in readers.get(waiting.pop(), []):
            if node.op in _SPATIAL | _REARRANGING | _REDUCING:
                met.add(node.op)
                continue
            fresh = set(node.outputs) - seen
            seen |= fresh
            waiting += sorted(fresh)
    return met
