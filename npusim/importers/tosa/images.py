"""Operations on images: a batch is taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable

from npusim.importers.tosa.builder import Builder
from npusim.importers.tosa.graph import UnsupportedError
from npusim.steps.concat import ConcatStep
from npusim.steps.slice import SliceStep

MOST_PARTS = 4096
"""Into how many steps an operator is taken apart at most."""

Image = Callable[[str, str], str]
"""From an image, (rows, columns, channels), and a name for what is made of it, to an image."""


def each_image(builder: Builder, value: str, name: str, convert: Image) -> str:
    """Convert every image of a batch.

    Parameters
    ----------
    value
        (images, rows, columns, channels).
    name
        The result's.
    """
    count, *rest = builder.shape(value)
    if count > MOST_PARTS:
        raise UnsupportedError("too many images", key="inputs[0]", found=count, allowed=f"up to {MOST_PARTS}")
    if count == 1:
        image = builder.reshaped(value, rest, f"{name}/image")
        made = convert(image, f"{name}/made")
        return builder.reshaped(made, (1, *builder.shape(made)), name)
    parts = []
    for index in range(count):
        cuts = ((index, index + 1, 1), *((0, size, 1) for size in rest))
        part = builder.add(SliceStep, f"{name}/part_{index}", (value,), cuts=cuts)
        image = builder.reshaped(part, rest, f"{name}/image_{index}")
        made = convert(image, f"{name}/made_{index}")
        parts.append(builder.reshaped(made, (1, *builder.shape(made)), f"{name}/whole_{index}"))
    return builder.add(ConcatStep, name, parts, axis=0, operand_fields=(None,) * count)
