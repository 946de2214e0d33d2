"""What rounding to codes is expected to add to a tensor: clipped channels on a grid of codes."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval

Vector = npt.NDArray[np.float64]

_GRID = np.linspace(-12.0, 12.0, 161)
"""In sigmas. What lies beyond has a share of 4e-8."""
_SHARES = np.exp(-sqrt(2) * np.abs(_GRID))
_SHARES /= _SHARES.sum()


def code_noise(channels: Moments, meaning: Quantization, codes: Interval) -> Vector:
    """The mean squared distance of each channel's values from what their codes mean, clipping included.

    Channels are Laplace variables of their mean and sigma, clipped as their bounds say: those of real
    networks have longer tails than a normal variable, and how long they are decides what clipping costs. A
    channel that mostly sits at a bound, as the zeros of a ReLU do, has hardly any noise: a bound that is a
    code is exact. One that is narrower than a code loses all that it says.

    Examples
    --------
    >>> wide = Moments.normal(np.zeros(1), np.full(1, 37.0))
    >>> noise = code_noise(wide, Quantization(1.0, 0), Interval(-32768, 32767))
    >>> bool(abs(noise[0] - 1 / 12) < 0.02)
    True
    """
    mean, sigma = channels.gaussian
    values = np.clip(
        mean[:, np.newaxis] + sigma[:, np.newaxis] * _GRID,
        channels.low[:, np.newaxis],
        channels.high[:, np.newaxis],
    )
    units = values / meaning.scale
    used = meaning.used(codes)
    low, high = used.low - meaning.zero_point, used.high - meaning.zero_point
    errors = np.clip(np.rint(units), low, high) - units
    made: Vector = (errors**2) @ _SHARES * meaning.scale**2
    return made
