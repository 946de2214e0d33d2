"""How windows slide over an input: shapes of convolutions and pools."""

from __future__ import annotations

from npusim.errors import InputError
from npusim.model import Pads, Pair, Shape


def window_output(
    size: tuple[int, int], kernel: Pair, stride: Pair, dilation: Pair, padding: Pads
) -> tuple[int, int]:
    """Rows and columns that a window yields.

    Raises
    ------
    InputError
        If the window does not fit into the padded input.

    Examples
    --------
    >>> window_output((224, 224), (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)))
    (112, 112)
    """
    sizes = []
    for length, taps, step, spread, pads in zip(size, kernel, stride, dilation, padding, strict=True):
        reach = (taps - 1) * spread + 1
        if length + sum(pads) < reach:
            raise InputError(
                "the kernel does not fit into the padded input",
                found=f"{reach} taps wide",
                allowed=f"at most {length + sum(pads)}",
            )
        sizes.append((length + sum(pads) - reach) // step + 1)
    return sizes[0], sizes[1]


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """A shape that must be (rows, columns, channels)."""
    if len(shape) != 3:
        raise InputError("an image is wanted", found=shape, allowed="(rows, columns, channels)")
    return shape[0], shape[1], shape[2]


def broadcast_shape(a: Shape, b: Shape) -> Shape:
    """The shape of an elementwise operation: sizes of 1 are repeated.

    Examples
    --------
    >>> broadcast_shape((7, 7, 16), (1, 1, 16))
    (7, 7, 16)
    """
    if len(a) != len(b) or any(x != y and 1 not in (x, y) for x, y in zip(a, b, strict=True)):
        raise InputError("the inputs' shapes do not fit each other", key="inputs", found=b, allowed=f"{a}")
    return tuple(max(x, y) for x, y in zip(a, b, strict=True))
