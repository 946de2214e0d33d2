"""What rounding to codes is expected to add to a tensor: clipped channels on a grid of codes.

Exact for the model: the squared distance of a Laplace variable from its code is integrated cell by cell in
closed form, and cells away from the mean are a geometric series.
"""

from __future__ import annotations

from math import factorial, sqrt

import numpy as np
import numpy.typing as npt

from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval

Vector = npt.NDArray[np.float64]

_LEAST_DECAY = 1e-9
"""In codes: a narrower variable is a constant."""
_TERMS = 18
"""Of a series in numbers up to 1: the rest is below 1e-16."""


def code_noise(channels: Moments, meaning: Quantization, codes: Interval) -> Vector:
    """The mean squared distance of each channel's values from what their codes mean, clipping included.

    Channels are Laplace variables of their mean and sigma, clipped as their bounds say: those of real
    networks have longer tails than a normal variable, and how long they are decides what clipping costs. A
    channel that mostly sits at a bound, as the zeros of a ReLU do, has hardly any noise: a bound that is a
    code is exact. One that is narrower than a code loses all that it says.

    Examples
    --------
    >>> wide = Moments.normal(np.zeros(1), np.full(1, 100.0))
    >>> noise = code_noise(wide, Quantization(1.0, 0), Interval(-32768, 32767))
    >>> bool(abs(noise[0] - 1 / 12) < 1e-5)
    True
    """
    mean, sigma = (part / meaning.scale for part in channels.gaussian)
    low, high = channels.low / meaning.scale, channels.high / meaning.scale
    used = meaning.used(codes)
    ends = used.low - meaning.zero_point, used.high - meaning.zero_point
    decay = np.maximum(sigma / sqrt(2), _LEAST_DECAY)
    upper = _beyond(mean, low, high, decay, ends)
    lower = _beyond(-mean, -high, -low, decay, (-ends[1], -ends[0]))
    made: Vector = (upper + lower) * meaning.scale**2
    return made


def _beyond(mean: Vector, low: Vector, high: Vector, decay: Vector, ends: tuple[int, int]) -> Vector:
    """What values above the mean add, in codes: those inside the bounds, and those that a bound holds.

    Parameters
    ----------
    decay
        Of a channel's density, ``exp(-abs(x - mean) / decay) / (2 * decay)``.
    ends
        The least and the greatest code, their zero point taken off.
    """
    start = np.maximum(np.minimum(low, high), mean)
    stop = np.maximum(start, high)
    held_high = np.exp(-(stop - mean) / decay)
    held_low = 1 - np.exp(-(start - mean) / decay)
    inside = np.exp(-(start - mean) / decay) * _integral(start, stop, decay, ends)
    at_bounds = held_low * _squared_error(np.minimum(start, high), ends)
    at_bounds += held_high * _squared_error(np.minimum(stop, high), ends)
    made: Vector = (inside + at_bounds) / 2
    return made


def _squared_error(values: Vector, ends: tuple[int, int]) -> Vector:
    found: Vector = np.where(np.isfinite(values), values, 0.0)
    made: Vector = (np.clip(np.rint(found), *ends) - found) ** 2
    return made


def _integral(start: Vector, stop: Vector, decay: Vector, ends: tuple[int, int]) -> Vector:
    """Of the squared error times a density that falls from ``1 / decay`` at the start, up to the stop."""
    first, last = (np.clip(np.rint(side), *ends) for side in (start, stop))
    one_cell = _piece(start - first, stop - first, decay)
    half = np.full_like(start, 0.5)
    begun = _piece(start - first, half, decay)
    ended = _piece(-half, stop - last, decay) * np.exp(-np.maximum(last - 0.5 - start, 0) / decay)
    between = np.maximum(last - first - 1, 0)
    cells = np.expm1(-between / decay) / np.expm1(-1 / decay)
    whole = _piece(-half, half, decay) * np.exp(-np.maximum(first + 0.5 - start, 0) / decay) * cells
    made: Vector = np.where(first == last, one_cell, begun + whole + ended)
    return made


def _piece(start: Vector, stop: Vector, decay: Vector) -> Vector:
    """The integral of ``u**2 * exp(-(u - start) / decay) / decay`` from the start to the stop."""
    length = np.maximum(stop - start, 0) / decay
    made: Vector = (
        start**2 * _gamma(0, length) + 2 * start * decay * _gamma(1, length) + decay**2 * _gamma(2, length)
    )
    return made


def _gamma(power: int, end: Vector) -> Vector:
    """The integral of ``v**power * exp(-v)`` from 0 to the end; near 0 as a series, which cancels nothing."""
    near, far = np.minimum(end, 1.0), np.where(np.isfinite(end), end, 0.0)
    series = np.zeros_like(near)
    for term in reversed(range(_TERMS)):
        series = 1 / (factorial(term) * (power + 1 + term)) - near * series
    series *= near ** (power + 1)
    left = sum(factorial(power) / factorial(term) * far**term for term in range(power + 1))
    closed = factorial(power) - np.where(np.isfinite(end), left * np.exp(-far), 0.0)
    made: Vector = np.where(end < 1, series, closed)
    return made
