"""How windows lie over an image: the schema's paddings as pixels."""

from __future__ import annotations

from npusim.geometry import image_shape
from npusim.importers.tflite.graph import Operator
from npusim.model import Pads, Shape

SAME, VALID = 0, 1

Two = tuple[int, int]


def strides(operator: Operator) -> Two:
    """(rows, columns)."""
    return _positive(operator, "StrideH"), _positive(operator, "StrideW")


def dilations(operator: Operator) -> Two:
    """(rows, columns)."""
    return _positive(operator, "DilationHFactor"), _positive(operator, "DilationWFactor")


def _positive(operator: Operator, name: str) -> int:
    value = operator.integer(name)
    if value < 1:
        raise operator.error(f"{name} must be positive", found=value)
    return value


def paddings(operator: Operator, shape: Shape, kernel: Two, stride: Two, dilation: Two = (1, 1)) -> Pads:
    """Pixels around an image: as few as it takes to have ``ceil(size / stride)`` outputs, or none.

    The one pixel that does not divide by two goes below and to the right.
    """
    mode = operator.integer("Padding")
    if mode == VALID:
        return ((0, 0), (0, 0))
    if mode != SAME:
        raise operator.error("unknown padding", found=mode, allowed="SAME or VALID")
    pads = []
    for size, taps, step, spread in zip(image_shape(shape)[:2], kernel, stride, dilation, strict=True):
        reach = (taps - 1) * spread + 1
        total = max((-(-size // step) - 1) * step + reach - size, 0)
        pads.append((total // 2, total - total // 2))
    return pads[0], pads[1]
