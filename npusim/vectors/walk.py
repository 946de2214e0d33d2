"""Copies as walks: which code of the input stands at each place of the output, by one rule an axis (W7).

Along an axis, output index i reads the input at ``floor((first + i * step) / 2**FRACTION_BITS)``; beyond
``0 .. length - 1`` lies the padding. Addresses are sums of indices times strides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from npusim.model import Shape
from npusim.steps.base import Step
from npusim.steps.pad import PadStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.resize_nearest import ResizeNearestStep
from npusim.steps.slice import SliceStep
from npusim.steps.transpose import TransposeStep

FRACTION_BITS = 16
WALK_AXES = 8
"""The most axes of a walk; those in front of the tensor's have one index."""

_ONE = 1 << FRACTION_BITS
_HIGHEST = 1 << 31


@dataclass(frozen=True)
class WalkAxis:
    """One axis of the output; `first` and `step` in units of ``2**-FRACTION_BITS``."""

    size: int
    stride: int
    length: int
    first: int = 0
    step: int = _ONE


@dataclass(frozen=True)
class Walk:
    """A copy; axes slowest first, as many as `WALK_AXES`."""

    axes: tuple[WalkAxis, ...]
    pad: int = 0

    def registers(self) -> Iterator[tuple[str, bool, list[int]]]:
        """(name, signed, a value for each axis)."""
        yield "sizes", False, [axis.size for axis in self.axes]
        yield "firsts", True, [axis.first for axis in self.axes]
        yield "steps", True, [axis.step for axis in self.axes]
        yield "strides", False, [axis.stride for axis in self.axes]
        yield "lengths", False, [axis.length for axis in self.axes]


def walk_of(step: Step, x: Shape) -> Walk | None:
    """A step's walk over its input; None if it copies nothing, or by no such rule."""
    make = _WALKS.get(type(step))
    made = None if make is None else make(step, x)
    if made is None or len(made.axes) > WALK_AXES or not all(_fits(axis) for axis in made.axes):
        return None
    front = (WalkAxis(size=1, stride=0, length=1),) * (WALK_AXES - len(made.axes))
    return Walk((*front, *made.axes), made.pad)


def _fits(axis: WalkAxis) -> bool:
    """Whether every place along the axis fits the unit's 32 bits."""
    ends = (axis.first, axis.first + (axis.size - 1) * axis.step)
    return all(-_HIGHEST <= end < _HIGHEST for end in ends)


def _strides(shape: Shape) -> list[int]:
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _reshape(step: Step, x: Shape) -> Walk:
    """The input's own axes: an index along one flat axis would not fit."""
    return Walk(tuple(WalkAxis(n, stride, n) for n, stride in zip(x, _strides(x), strict=True)))


def _pad(step: PadStep, x: Shape) -> Walk:
    return Walk(
        tuple(
            WalkAxis(n + before + after, stride, n, first=-before * _ONE)
            for n, stride, (before, after) in zip(x, _strides(x), step.pads, strict=True)
        ),
        step.value,
    )


def _slice(step: SliceStep, x: Shape) -> Walk:
    return Walk(
        tuple(
            WalkAxis(len(range(*cut)), stride, n, first=cut[0] * _ONE, step=cut[2] * _ONE)
            for n, stride, cut in zip(x, _strides(x), step.cuts, strict=True)
        )
    )


def _transpose(step: TransposeStep, x: Shape) -> Walk:
    strides = _strides(x)
    return Walk(tuple(WalkAxis(x[axis], strides[axis], x[axis]) for axis in step.permutation))


def _resize_nearest(step: ResizeNearestStep, x: Shape) -> Walk | None:
    axes = []
    for places, n, stride in zip((step.rows, step.columns), x, _strides(x), strict=False):
        found = even_places(places.tolist())
        if found is None:
            return None
        axes.append(WalkAxis(len(places), stride, n, *found))
    return Walk((*axes, WalkAxis(x[2], 1, x[2])))


def even_places(places: Sequence[int]) -> tuple[int, int] | None:
    """(first, step) of a rule that makes these indices; None if none was found.

    Examples
    --------
    >>> first, step = even_places([0, 0, 1, 1, 2, 2])
    >>> [(first + i * step) >> FRACTION_BITS for i in range(6)]
    [0, 0, 1, 1, 2, 2]
    """
    high = (max(places) + 1) * _ONE
    low = -high
    # How much room a step leaves for `first` is concave in the step: the best one is found by halving.
    while low < high:
        middle = (low + high) // 2
        if _room(places, middle) < _room(places, middle + 1):
            low = middle + 1
        else:
            high = middle
    least, most = _firsts(places, low)
    return ((least + most) // 2, low) if least <= most else None


def _firsts(places: Sequence[int], step: int) -> tuple[int, int]:
    """The least and the greatest `first` that go with a step; in the wrong order if none does."""
    least = max(place * _ONE - i * step for i, place in enumerate(places))
    return least, min((place + 1) * _ONE - 1 - i * step for i, place in enumerate(places))


def _room(places: Sequence[int], step: int) -> int:
    least, most = _firsts(places, step)
    return most - least


_WALKS: dict[type[Step], Callable[..., Walk | None]] = {
    PadStep: _pad,
    ReshapeStep: _reshape,
    ResizeNearestStep: _resize_nearest,
    SliceStep: _slice,
    TransposeStep: _transpose,
}
