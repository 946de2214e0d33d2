"""Ranges whose quantizers are expected to err least, without data (algorithms.md 7.1 on the model of 1.6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from npusim.compiler.expected_noise import code_noise
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval

Vector = npt.NDArray[np.float64]
Meaning = Callable[[float, float], Quantization]
"""What codes mean between two real numbers."""

_WIDEST = 7.0
"""In sigmas: real channels hardly reach further, though a Laplace variable would."""
_SHARES = tuple(2.0 ** (-step / 4) for step in range(11))
"""Of the widest range; the least is about one sigma."""


def least_noise_range(
    channels: Moments, weights: Vector, codes: Interval, meaning: Meaning
) -> tuple[float, float]:
    """The range, a share of the widest, at which all channels together err least.

    Parameters
    ----------
    weights
        What each channel's noise counts.
    codes
        Those that the tensor may use.

    Examples
    --------
    >>> from npusim.compiler.quantizers import Symmetry, quantization_of
    >>> def meaning(low, high):
    ...     return quantization_of(low, high, Interval(-8, 7), Symmetry.ASYMMETRIC)
    >>> low, high = least_noise_range(Moments.normal([0.0], [1.0]), np.ones(1), Interval(-8, 7), meaning)
    >>> low == -high, 3 < high < 4
    (True, True)
    """
    low, high = channels.range(_WIDEST)
    found = [
        float(np.sum(code_noise(channels, meaning(low * share, high * share), codes) * weights))
        for share in _SHARES
    ]
    best = _SHARES[int(np.argmin(found))]
    return low * best, high * best


def least_noise_bounds(channels: Moments, codes: Interval, meaning: Meaning) -> Vector:
    """How far from zero a range for each channel alone would reach; 0 for channels that always are zero."""
    mean, sigma = channels.gaussian
    ends = [np.clip(mean + side * sigma, channels.low, channels.high) for side in (-_WIDEST, _WIDEST)]
    widest = np.maximum(np.abs(ends[0]), np.abs(ends[1]))
    live = widest > 0
    least, best = np.full(widest.shape, np.inf), widest.copy()
    for share in _SHARES:
        bounds = np.where(live, widest * share, 1.0)
        alone = code_noise(
            channels.scaled(1 / bounds), meaning(-1.0 if (ends[0] < 0).any() else 0.0, 1.0), codes
        )
        noise = alone * bounds**2
        best = np.where(live & (noise < least), bounds, best)
        least = np.minimum(noise, least)
    return best
