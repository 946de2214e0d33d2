"""In which order an input's axes are stored: images and signals with their channels last."""

from __future__ import annotations

from npusim.importers.onnx.graph import OnnxGraph

_SPATIAL = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"}
_POSITIONED = {"Transpose", "Reshape", "Flatten", "MatMul", "Gemm", "Squeeze", "Unsqueeze"}


def stored_order(graph: OnnxGraph, name: str, rank: int) -> tuple[int, ...]:
    """The ONNX axes of an input in stored order, without the batch.

    Channels last where the first thing that cares for the order is a convolution or a pool (which
    read axis 1 as channels), and for images that nothing cares about; otherwise as they are: an
    exporter that puts a transpose first has channels-last inputs already.
    """
    plain = tuple(range(1, rank))
    if rank < 3:
        return plain
    moved = (*range(2, rank), 1)
    readers = graph.readers()
    seen, waiting = {name}, [name]
    while waiting:
        for node in readers.get(waiting.pop(), []):
            if node.op in _SPATIAL:
                return moved
            if node.op in _POSITIONED:
                return plain
            fresh = set(node.outputs) - seen
            seen |= fresh
            waiting += sorted(fresh)
    return moved if rank == 4 else plain
