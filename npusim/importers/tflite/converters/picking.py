"""Indices picked along an axis: gather, tile, broadcast, reverse."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from npusim.importers.tflite.axes import counted, view
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator
from npusim.steps.resize_nearest import ResizeNearestStep


def picked(builder: Builder, value: str, axis: int, places: Sequence[int], name: str) -> str:
    """A tensor's parts at these places along an axis: as columns of an image, which can be picked."""
    shape = builder.shape(value)
    if list(places) == list(range(shape[axis])):
        return value
    rows, channels = prod(shape[:axis]), prod(shape[axis + 1 :])
    image = builder.reshaped(value, (rows, shape[axis], channels), f"{name}/image")
    made = builder.add(
        ResizeNearestStep,
        f"{name}/picked",
        (image,),
        rows=np.arange(rows, dtype=np.int64),
        columns=np.array(places, np.int64),
    )
    return builder.reshaped(made, (*shape[:axis], len(places), *shape[axis + 1 :]), f"{name}/whole")


def _gather(operator: Operator, builder: Builder) -> None:
    shape, name = builder.tensor(operator, 0).shape, builder.output(operator).name
    axis = counted(operator, operator.integer("Axis"), len(shape))
    indices = builder.constant(operator, 1)
    if operator.integer("BatchDims") or indices.dtype.kind not in "iu" or indices.size == 0:
        raise operator.error("indices that are one list for all are supported", found=indices.shape)
    places = indices.reshape(-1).tolist()
    if not 0 <= min(places) <= max(places) < shape[axis]:
        raise operator.error(
            "no such index", found=(min(places), max(places)), allowed=f"0..{shape[axis] - 1}"
        )
    value, short = view(operator, builder, 0, [axis])
    builder.finish(operator, picked(builder, value, axis - short, places, name))


def _repeated(operator: Operator, builder: Builder, wanted: Sequence[int]) -> None:
    """Each axis repeated until it is as long as wanted; axes may be missing in front."""
    shape, name = builder.tensor(operator, 0).shape, builder.output(operator).name
    if len(wanted) < len(shape) or min(wanted, default=0) < 1:
        raise operator.error("not a shape to repeat to", found=tuple(wanted), allowed=f"for {shape}")
    full = (1,) * (len(wanted) - len(shape)) + tuple(shape)
    if any(new % old for new, old in zip(wanted, full, strict=True)):
        raise operator.error("not a shape to repeat to", found=tuple(wanted), allowed=f"for {shape}")
    value = builder.reshaped(builder.value(operator, 0), full, f"{name}/axes")
    for axis, (new, old) in enumerate(zip(wanted, full, strict=True)):
        value = picked(builder, value, axis, list(range(old)) * (new // old), name)
    builder.finish(operator, value)


def _tile(operator: Operator, builder: Builder) -> None:
    shape, times = builder.tensor(operator, 0).shape, builder.integers(operator, 1)
    if len(times) != len(shape):
        raise operator.error("one number of repetitions per axis is wanted", found=times)
    _repeated(operator, builder, [length * count for length, count in zip(shape, times, strict=True)])


def _reverse(operator: Operator, builder: Builder) -> None:
    shape, name = builder.tensor(operator, 0).shape, builder.output(operator).name
    axes = [counted(operator, axis, len(shape)) for axis in builder.integers(operator, 1)]
    value, short = view(operator, builder, 0, axes)
    for axis in axes:
        value = picked(builder, value, axis - short, range(shape[axis])[::-1], name)
    builder.finish(operator, value)


CONVERTERS = {
    "BROADCAST_TO": lambda operator, builder: _repeated(operator, builder, builder.integers(operator, 1)),
    "GATHER": _gather,
    "REVERSE_V2": _reverse,
    "TILE": _tile,
}
