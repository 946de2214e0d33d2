"""Sliding windows over images, in float."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from npusim.layers.base import FloatTensor
from npusim.model import Pads, Pair

CACHE = 1 << 20
"""Bytes that are worked on at once."""


def windows(
    x: FloatTensor, kernel: Pair, stride: Pair, dilation: Pair, padding: Pads, fill: float = 0.0
) -> FloatTensor:
    """Every window of an image batch.

    Parameters
    ----------
    x
        (images, rows, columns, channels).
    fill
        What the padding holds.

    Returns
    -------
    (images, output rows, output columns, kernel rows, kernel columns, channels), a view where possible.
    """
    reach = [(taps - 1) * spread + 1 for taps, spread in zip(kernel, dilation, strict=True)]
    view = sliding_window_view(padded(x, padding, fill), reach, axis=(1, 2))
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.moveaxis(view, 3, 5)  # it was images, rows, columns, channels, kernel rows, kernel columns


def padded(x: FloatTensor, padding: Pads, fill: float = 0.0) -> FloatTensor:
    """An image batch with borders; the same one where there are none."""
    if not any(sum(pads) for pads in padding):
        return x
    (above, below), (left, right) = padding
    images, rows, columns, channels = x.shape
    made = np.full((images, above + rows + below, left + columns + right, channels), fill, x.dtype)
    made[:, above : above + rows, left : left + columns] = x
    return made


def pieces(count: int, each: int) -> Iterator[slice]:
    """Slices of `count` things of `each` bytes that stay in the processor's cache.

    Examples
    --------
    >>> [(piece.start, piece.stop) for piece in pieces(5, CACHE // 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    together = max(CACHE // max(each, 1), 1)
    return (slice(start, min(start + together, count)) for start in range(0, count, together))


def reduced(
    x: FloatTensor, kernel: Pair, stride: Pair, padding: Pads, combine: Callable[..., object], fill: float
) -> FloatTensor:
    """Every window combined to one pixel: along rows first, then along columns.

    Parameters
    ----------
    combine
        ``np.add`` or ``np.maximum``.
    fill
        What the padding holds.
    """
    made = padded(x, padding, fill)
    for axis, (taps, step) in enumerate(zip(kernel, stride, strict=True), start=1):
        view = np.moveaxis(made, axis, 0)
        last = len(view) - taps
        sums = view[0 : last + 1 : step].copy()
        for tap in range(1, taps):
            combine(sums, view[tap : last + tap + 1 : step], out=sums)
        made = np.moveaxis(sums, 0, axis)
    return np.ascontiguousarray(made)
