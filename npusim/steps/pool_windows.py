"""How many input pixels a pooling window covers: some of it may lie in the padding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.geometry import window_output
from npusim.model import Pads, Pair


def pixels_inside(size: tuple[int, int], kernel: Pair, stride: Pair, padding: Pads) -> npt.NDArray[np.int64]:
    """The input pixels in each window.

    Returns
    -------
    int64[output rows, output columns]

    Raises
    ------
    InputError
        If the kernel does not fit, or a window lies in the padding altogether: it has nothing to pool.

    Examples
    --------
    >>> pixels_inside((3, 3), (2, 2), (2, 2), ((0, 1), (0, 1)))
    array([[4, 2],
           [2, 1]])
    """
    made = window_output(size, kernel, stride, (1, 1), padding)
    along = []
    for axis in range(2):
        first = np.arange(made[axis], dtype=np.int64) * stride[axis] - padding[axis][0]
        stop = np.minimum(first + kernel[axis], size[axis])
        along.append(stop - np.maximum(first, 0))
    if min(int(count.min()) for count in along) < 1:
        raise InputError(
            "a window lies in the padding altogether",
            key="padding",
            found=padding,
            allowed=f"less than the kernel, {kernel}",
        )
    return np.outer(along[0], along[1])


def window_counts(
    size: tuple[int, int], kernel: Pair, stride: Pair, padding: Pads, count_padding: bool
) -> npt.NDArray[np.int64]:
    """What each window's sum is divided by; parameters as for `pixels_inside`.

    `count_padding` says whether padding counts: it does not change a sum, only what divides it.
    """
    inside = pixels_inside(size, kernel, stride, padding)
    return np.full_like(inside, kernel[0] * kernel[1]) if count_padding else inside
