"""A5: how far accumulators can go, over all input codes and any order of the products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import Array
from npusim.kernels.ops import Words
from npusim.spec.mac import BiasPlace


def prefix_bounds(
    weights: Array,
    bias: npt.NDArray[np.int64],
    x_low: int,
    x_high: int,
    x_zero: int = 0,
    weight_zero: int | npt.NDArray[np.integer] = 0,
    bias_place: BiasPlace = BiasPlace.PRELOAD,
) -> tuple[Words, Words]:
    """The least and greatest value any prefix reaches, in any order; both are reached by some codes.

    Parameters
    ----------
    weights : int8, uint8 or int16[O, kh, kw, I / groups]
    bias : int64[O]
    x_low, x_high
        All input codes, padding's among them.
    x_zero, weight_zero
        What the MAC takes off; 0 when folded.

    Returns
    -------
    low, high : int64[O]

    Raises
    ------
    OverflowError
        If a bound leaves int64: then nothing is proven, and only the ordered path is exact.

    Examples
    --------
    >>> weights = np.array([1, -2], np.int8).reshape(1, 1, 1, 2)
    >>> low, high = prefix_bounds(weights, np.array([5]), -128, 127)
    >>> int(low[0]), int(high[0])
    (-377, 388)
    """
    flat = weights.reshape(weights.shape[0], -1)
    if np.any(weight_zero):
        flat = flat - np.asarray(weight_zero, np.int64).reshape(-1, 1)
    # A prefix takes or leaves each product: what is left counts as a code at the zero point.
    above = np.maximum(flat, 0).sum(axis=1, dtype=np.int64).astype(object)
    below = np.minimum(flat, 0).sum(axis=1, dtype=np.int64).astype(object)
    least, most = min(x_low - x_zero, 0), max(x_high - x_zero, 0)
    falling, rising = above * least + below * most, above * most + below * least
    low, high = falling + bias, rising + bias
    if bias_place is BiasPlace.LATE:
        low, high = np.minimum(low, falling), np.maximum(high, rising)
    limits = np.iinfo(np.int64)
    if low.size and (low.min() < limits.min or high.max() > limits.max):
        raise OverflowError(f"accumulators reach {low.min()}..{high.max()}, beyond 64 bits")
    return low.astype(np.int64), high.astype(np.int64)
