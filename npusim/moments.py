"""Means and variances of channels, propagated without data (algorithms.md 1.6, 1.7)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

_NORMAL = NormalDist()
_CONSTANT = 1e-12


@dataclass(frozen=True)
class Moments:
    """A tensor's channels as random variables.

    Attributes
    ----------
    mean, variance
        Per channel.
    low, high
        Bounds that no value of the channel can leave, such as 0 after a ReLU; infinite if none are known.
    gaussian
        The (mean, sigma) of the normal variable that was clipped to `low` and `high`, per channel.
        Ranges are read from it: clipping a normal keeps its tail.
    """

    mean: Vector
    variance: Vector
    low: Vector
    high: Vector
    gaussian: tuple[Vector, Vector]

    @classmethod
    def normal(cls, mean: Vector, sigma: Vector) -> Moments:
        """Unclipped normal channels."""
        mean, sigma = np.asarray(mean, np.float64), np.asarray(sigma, np.float64)
        unbounded = np.full(mean.shape, np.inf)
        return cls(mean, sigma**2, -unbounded, unbounded, (mean, sigma))

    @property
    def sigma(self) -> Vector:
        """Standard deviation per channel."""
        return np.sqrt(self.variance)

    def range(self, sigmas: float) -> tuple[float, float]:
        """The tensor's range: every channel's mean plus and minus so many sigmas, inside its bounds."""
        mean, sigma = self.gaussian
        low = np.clip(mean - sigmas * sigma, self.low, self.high)
        high = np.clip(mean + sigmas * sigma, self.low, self.high)
        return float(low.min()), float(high.max())

    def scaled(self, factors: Vector) -> Moments:
        """The moments of channels multiplied by positive factors."""
        mean, sigma = self.gaussian
        return Moments(
            self.mean * factors,
            self.variance * factors**2,
            self.low * factors,
            self.high * factors,
            (mean * factors, sigma * factors),
        )

    def clipped(self, low: float | None, high: float | Vector | None) -> Moments:
        """The moments after an activation function that clips (1.6); `high` may be per channel."""
        a = -np.inf if low is None else low
        b = np.inf if high is None else high
        mean, sigma = self.gaussian
        lower, upper = np.maximum(self.low, a), np.minimum(self.high, b)
        pairs = [clipped_normal(m, s, lo, hi) for m, s, lo, hi in zip(mean, sigma, lower, upper, strict=True)]
        return Moments(
            np.array([m for m, _ in pairs]), np.array([v for _, v in pairs]), lower, upper, self.gaussian
        )


def clipped_normal(mu: float, sigma: float, low: float, high: float) -> tuple[float, float]:
    """Mean and variance of ``clip(x, low, high)`` for x ~ N(mu, sigma**2).

    Examples
    --------
    >>> mean, variance = clipped_normal(0.0, 1.0, 0.0, float("inf"))
    >>> round(mean, 4), round(variance, 4)
    (0.3989, 0.3408)
    """
    if sigma < _CONSTANT:
        return float(np.clip(mu, low, high)), 0.0
    u, v = (low - mu) / sigma, (high - mu) / sigma
    below, above = _cdf(u), 1.0 - _cdf(v)
    inside = 1.0 - below - above
    at_low, at_high = _pdf(u), _pdf(v)
    mean = _part(low, below) + _part(high, above) + mu * inside + sigma * (at_low - at_high)
    square = (
        _part(low**2, below)
        + _part(high**2, above)
        + (mu**2 + sigma**2) * inside
        + 2 * mu * sigma * (at_low - at_high)
        + sigma**2 * (_part(u, at_low) - _part(v, at_high))
    )
    return mean, max(square - mean**2, 0.0)


def _cdf(x: float) -> float:
    return 0.0 if x == -np.inf else 1.0 if x == np.inf else _NORMAL.cdf(x)


def _pdf(x: float) -> float:
    return 0.0 if np.isinf(x) else _NORMAL.pdf(x)


def _part(value: float, weight: float) -> float:
    """A product in which nothing times infinity is nothing."""
    return 0.0 if weight == 0.0 else value * weight
