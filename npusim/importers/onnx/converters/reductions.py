"""ReduceMean, ReduceSum, ReduceMax."""

from __future__ import annotations

from collections.abc import Callable

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.reducing import pooled, reduced
from npusim.importers.onnx.registry import Converter
from npusim.importers.onnx.shapes import counted, read_axes

Reduce = Callable[[OnnxNode, Builder, Tensor, tuple[int, ...]], Tensor]


def _reduction(reduce: Reduce) -> Converter:
    def converter(node: OnnxNode, builder: Builder) -> Tensor:
        x = builder.tensor(node)
        given = read_axes(node, builder) or ()
        if not given and node.integer("noop_with_empty_axes", 0):
            return x
        axes = counted(node, given or tuple(range(x.rank)), x.rank)
        made = reduce(node, builder, x, axes)
        if node.integer("keepdims", 1):
            return made
        return builder.view(node, made, [n for axis, n in enumerate(x.shape) if axis not in axes])

    return converter


def _mean(node: OnnxNode, builder: Builder, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    pixels = tuple(range(2, x.rank))
    whole = x.rank in {3, 4} and axes == pixels and builder.natural_order(x) == (*pixels, 1)
    return (
        pooled(node, builder, "global_avg_pool", x, axes)
        if whole
        else reduced(node, builder, "mean", x, axes)
    )


CONVERTERS: dict[str, Converter] = {
    "ReduceMean": _reduction(_mean),
    "ReduceSum": _reduction(lambda node, builder, x, axes: reduced(node, builder, "sum", x, axes)),
    "ReduceMax": _reduction(lambda node, builder, x, axes: pooled(node, builder, "max_pool2d", x, axes)),
}
