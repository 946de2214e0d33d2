"""RESIZE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npusim.importers.tosa.builder import CODES, Builder
from npusim.importers.tosa.checks import exact_quotient, require_rank
from npusim.importers.tosa.graph import Array, Operator
from npusim.importers.tosa.images import each_image
from npusim.importers.tosa.schema import ResizeMode
from npusim.steps.resize_nearest import ResizeNearestStep
from npusim.steps.weighted_resize import WeightedResizeStep

_GREATEST_SIZE = 16384
_GREATEST_NUMERATOR = 1 << 11
_GREATEST_RATIO = 16
"""How much smaller an image becomes at most, and how far offset and border reach, in pixels."""


@dataclass(frozen=True)
class _Axis:
    """New pixel p lies at ``(p * denominator + offset) / numerator`` between the old ones."""

    length: int
    made: int
    numerator: int
    denominator: int
    offset: int

    def places(self) -> tuple[Array, Array]:
        """Of each new pixel the old one before it, and the distance from there in 1 / numerator."""
        before, beyond = np.divmod(np.arange(self.made) * self.denominator + self.offset, self.numerator)
        return before, beyond

    def nearest(self) -> Array:
        """The old pixel whose place is nearest; the later one where two are."""
        before, beyond = self.places()
        return self._inside(before + (2 * beyond >= self.numerator))

    def neighbours(self) -> tuple[Array, Array]:
        """(new, 2): the old pixels before and after, and their weights."""
        before, beyond = self.places()
        pixels = np.stack([self._inside(before), self._inside(before + 1)], axis=-1)
        return pixels, np.stack([self.numerator - beyond, beyond], axis=-1)

    def _inside(self, pixels: Array) -> Array:
        return np.clip(pixels, 0, self.length - 1)


def _axes(operator: Operator, builder: Builder) -> tuple[_Axis, _Axis]:
    shape, made = require_rank(operator, builder, 0, 4), builder.output(operator).shape
    scale, offset, border = (builder.integers(operator, place) for place in (1, 2, 3))
    if (len(scale), len(offset), len(border)) != (4, 2, 2):
        raise operator.error("scale, offset and border of two axes are wanted", found=(scale, offset, border))
    if len(made) != 4 or (made[0], made[3]) != (shape[0], shape[3]):
        raise operator.error("images and channels stay", found=made, allowed=str(shape))
    rows, columns = (
        _axis(operator, shape[1 + i], made[1 + i], (scale[2 * i], scale[2 * i + 1]), offset[i], border[i])
        for i in range(2)
    )
    return rows, columns


def _axis(
    operator: Operator, length: int, made: int, scale: tuple[int, int], offset: int, border: int
) -> _Axis:
    up, down = scale
    if min(scale) <= 0 or up > _GREATEST_NUMERATOR or down >= _GREATEST_RATIO * up:
        raise operator.error("the scale is out of range", found=scale)
    if not -up <= offset < _GREATEST_RATIO * up:
        raise operator.error("the offset is out of range", found=offset)
    if not -_GREATEST_RATIO * up <= border < up:
        raise operator.error("the border is out of range", found=border)
    if max(length, made) >= _GREATEST_SIZE:
        raise operator.error("the image is too large", found=max(length, made), allowed=f"< {_GREATEST_SIZE}")
    size = exact_quotient(operator, "an output size", (length - 1) * up - offset + border, down) + 1
    if size != made:
        raise operator.error("the output has another size", found=made, allowed=str(size))
    return _Axis(length, made, up, down, offset)


def _resize(operator: Operator, builder: Builder) -> None:
    rows, columns = _axes(operator, builder)
    mode, y = operator.integer("mode"), builder.output(operator)
    same = builder.tensor(operator, 0).kind == y.kind
    if mode not in set(ResizeMode) or same != (mode == ResizeMode.NEAREST):
        raise operator.error("the mode does not make the output's type", found=(mode, y.kind))

    def nearest(image: str, name: str) -> str:
        pixels = {"rows": rows.nearest(), "columns": columns.nearest()}
        return builder.add(ResizeNearestStep, name, (image,), **pixels)

    def bilinear(image: str, name: str) -> str:
        (above, row_weights), (left, column_weights) = rows.neighbours(), columns.neighbours()
        return builder.add(
            WeightedResizeStep,
            name,
            (image,),
            rows=above,
            row_weights=row_weights,
            columns=left,
            column_weights=column_weights,
            bits=CODES[y.kind].bits,
        )

    x = builder.value(operator, 0, signed=True)
    convert = nearest if mode == ResizeMode.NEAREST else bilinear
    builder.finish(operator, each_image(builder, x, y.name, convert))


CONVERTERS = {"RESIZE": _resize}
