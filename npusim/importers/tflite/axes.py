"""Axes of the model's tensors, which have a batch, on the program's, which have none."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.importers.tflite.builder import Builder, stripped
from npusim.importers.tflite.graph import Operator, Tensor


def has_batch(tensor: Tensor) -> bool:
    """Whether the first axis is a batch that the program leaves out."""
    return len(stripped(tensor.shape)) < len(tensor.shape)


def counted(operator: Operator, axis: int, rank: int) -> int:
    """An axis counted from the start."""
    if not -rank <= axis < rank:
        raise operator.error("no such axis", found=axis, allowed=f"{-rank}..{rank - 1}")
    return axis % rank


def view(operator: Operator, builder: Builder, place: int, axes: Sequence[int]) -> tuple[str, int]:
    """An input in a shape that has the given axes, and how many axes it is short of in front.

    The batch is put back only where an operation works on it.
    """
    tensor, value = builder.tensor(operator, place), builder.value(operator, place)
    if not has_batch(tensor):
        return value, 0
    if 0 not in axes:
        return value, 1
    return builder.reshaped(value, tensor.shape, f"{builder.output(operator).name}/whole"), 0
