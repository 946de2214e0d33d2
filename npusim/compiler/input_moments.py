"""Second moments of what a layer reads, in integers and in float: exact sums.

Integers are codes, real numbers are taken in units of 1/256 of a code. Products of these and their sums stay
far below 2**53 units: float64 holds them exactly, and any order of addition, any number of threads, gives the
same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.mac_layer import MacLayer
from npusim.layers.windows import windows
from npusim.quantization import Quantization

Matrix = npt.NDArray[np.float64]

_FINE = 256
"""Units of a code in which real numbers are counted."""


@dataclass(frozen=True)
class InputMoments:
    """Of one layer, over output pixels of all images, as groups of rows read its input.

    Attributes
    ----------
    products : float64[groups, taps, taps]
        Means of products of what two taps of the kernel read as codes, their zero point taken off.
    crossed : float64[groups, taps, taps]
        The same of a code and a real number, in units of a code.
    codes, reals : float64[groups, taps]
        Means of either.
    count
        How many pixels.
    """

    products: Matrix
    crossed: Matrix
    codes: Matrix
    reals: Matrix
    count: int

    def centred(self) -> InputMoments:
        """As they are about the means."""
        return InputMoments(
            self.products - _outer(self.codes, self.codes),
            self.crossed - _outer(self.codes, self.reals),
            self.codes,
            self.reals,
            self.count,
        )


def measurable(layer: object) -> bool:
    """Whether moments can be taken of what a layer reads."""
    return isinstance(layer, (Conv2d, Dense, DepthwiseConv2d))


def input_moments(
    layer: MacLayer,
    codes: npt.NDArray[Any],
    reals: npt.NDArray[Any],
    meaning: Quantization,
    *,
    pixels: int,
    batch: int,
) -> InputMoments:
    """Moments of a layer's input.

    Parameters
    ----------
    codes, reals
        The input of all images, in integers and in float.
    meaning
        What the codes stand for.
    pixels
        At most so many output pixels are taken of each image, spread evenly.
    batch
        Images worked on at once.
    """
    sums: list[Matrix] = []
    count = 0
    for start in range(0, len(codes), batch):
        part = slice(start, start + batch)
        whole = codes[part].astype(np.float64) - meaning.zero_point
        fine = np.rint(reals[part].astype(np.float64) / meaning.scale * _FINE) / _FINE
        x, y = (_columns(layer, values, pixels) for values in (whole, fine))
        turned = x.transpose(0, 2, 1)
        found = [turned @ x, turned @ y, x.sum(axis=1), y.sum(axis=1)]
        sums = [a + b for a, b in zip(sums, found, strict=True)] if sums else found
        count += x.shape[1]
    products, crossed, x_sum, y_sum = (total / count for total in sums)
    return InputMoments(products, crossed, x_sum, y_sum, count)


def as_rows(weights: Matrix, moments: InputMoments) -> Matrix:
    """Weights, output channels first, as (groups, rows, taps) in the order of the moments."""
    groups = len(moments.products)
    made: Matrix = weights.reshape(groups, len(weights) // groups, -1)
    return made


def _columns(layer: MacLayer, values: Matrix, pixels: int) -> Matrix:
    """(groups, output pixels of all images, taps): what the taps read."""
    if isinstance(layer, Dense):
        rows = values.reshape(len(values), -1, values.shape[-1])
        return np.concatenate(rows[:, _spread(rows.shape[1], pixels)])[np.newaxis]
    assert isinstance(layer, (Conv2d, DepthwiseConv2d))
    groups = layer.groups if isinstance(layer, Conv2d) else values.shape[-1]
    view = windows(values, layer.kernel, layer.stride, layer.dilation, layer.padding)
    places = _spread(view.shape[1] * view.shape[2], pixels)
    chosen = view[:, places // view.shape[2], places % view.shape[2]]
    split = chosen.reshape(-1, *layer.kernel, groups, chosen.shape[-1] // groups)
    return np.ascontiguousarray(np.moveaxis(split, 3, 0), np.float64).reshape(groups, len(split), -1)


def _spread(count: int, most: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _outer(a: Matrix, b: Matrix) -> Matrix:
    made: Matrix = a[:, :, np.newaxis] * b[:, np.newaxis, :]
    return made
