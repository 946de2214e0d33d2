"""Sliding windows over images, in float."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from npusim.layers.base import FloatTensor
from npusim.model import Pads, Pair


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
    padded = x
    if any(sum(pads) for pads in padding):
        padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    reach = [(taps - 1) * spread + 1 for taps, spread in zip(kernel, dilation, strict=True)]
    view = sliding_window_view(padded, reach, axis=(1, 2))  # images, rows, columns, channels, ky, kx
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.moveaxis(view, 3, 5)
