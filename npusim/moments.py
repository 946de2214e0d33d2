"""Means and variances of channels, propagated without data (algorithms.md 1.6, 1.7)."""

from __future__ import annotations

from collections.abc import Sequence
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

    @classmethod
    def constant(cls, value: float, channels: int) -> Moments:
        """Channels that always hold one value."""
        values, nothing = np.full(channels, float(value)), np.zeros(channels)
        return cls(values, nothing, values, values, (values, nothing))

    @classmethod
    def join(cls, parts: Sequence[Moments]) -> Moments:
        """Channels behind each other."""

        def joined(*vectors: Vector) -> Vector:
            return np.concatenate(vectors)

        mean, sigma = (joined(*(part.gaussian[side] for part in parts)) for side in range(2))
        return cls(
            joined(*(part.mean for part in parts)),
            joined(*(part.variance for part in parts)),
            joined(*(part.low for part in parts)),
            joined(*(part.high for part in parts)),
            (mean, sigma),
        )

    @classmethod
    def mixture(cls, parts: Sequence[Moments]) -> Moments:
        """Channels that are sometimes one part's, sometimes another's: each as often as the others."""
        mean = np.mean([part.mean for part in parts], axis=0)
        square = np.mean([part.variance + part.mean**2 for part in parts], axis=0)
        low = np.minimum.reduce([part.low for part in parts])
        high = np.maximum.reduce([part.high for part in parts])
        centre = np.mean([part.gaussian[0] for part in parts], axis=0)
        spread = np.mean([part.gaussian[1] ** 2 + part.gaussian[0] ** 2 for part in parts], axis=0)
        sigma = np.sqrt(np.maximum(spread - centre**2, 0.0))
        return cls(mean, np.maximum(square - mean**2, 0.0), low, high, (centre, sigma))

    @property
    def sigma(self) -> Vector:
        """Standard deviation per channel."""
        return np.sqrt(self.variance)

    def chosen(self, channels: npt.NDArray[np.int64]) -> Moments:
        """Some channels, in any order; features that repeat the channels are counted on."""
        places = channels % self.mean.size
        mean, sigma = self.gaussian
        return Moments(
            self.mean[places],
            self.variance[places],
            self.low[places],
            self.high[places],
            (mean[places], sigma[places]),
        )

    def mixed(self, count: int) -> Moments:
        """So many channels that hold values of all of these."""
        alone = [self.chosen(np.array([channel])) for channel in range(self.mean.size)]
        return Moments.mixture(alone).chosen(np.zeros(count, np.int64))

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

    def negative(self) -> Moments:
        """The moments of the channels' negatives."""
        mean, sigma = self.gaussian
        return Moments(-self.mean, self.variance, -self.high, -self.low, (-mean, sigma))

    def plus(self, other: Moments) -> Moments:
        """The moments of sums of independent variables, taken as normal between the summed bounds."""
        mean, variance = self.mean + other.mean, self.variance + other.variance
        return _between(mean, variance, self.low + other.low, self.high + other.high)

    def times(self, other: Moments) -> Moments:
        """The moments of products of independent variables, taken as normal between their bounds."""
        mean = self.mean * other.mean
        variance = (
            self.variance * other.variance + self.variance * other.mean**2 + other.variance * self.mean**2
        )
        ends = [_product(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return _between(mean, variance, np.minimum.reduce(ends), np.maximum.reduce(ends))

    def squared(self) -> Moments:
        """The moments of a normal variable's square."""
        mean = self.mean**2 + self.variance
        variance = 2 * self.variance**2 + 4 * self.mean**2 * self.variance
        ends = self.low**2, self.high**2
        low = np.where((self.low < 0) & (self.high > 0), 0.0, np.minimum(*ends))
        return _between(mean, variance, low, np.maximum(*ends))

    def maximum(self, other: Moments) -> Moments:
        """The moments of the larger of two independent normal variables (Clark, 1961)."""
        spread = np.sqrt(self.variance + other.variance)
        apart = self.mean - other.mean
        far = np.where(apart == 0, 0.0, np.copysign(np.inf, apart))
        alpha = np.divide(apart, spread, out=far, where=spread > _CONSTANT)
        first = np.array([_cdf(float(a)) for a in np.ravel(alpha)]).reshape(alpha.shape)
        density = np.array([_pdf(float(a)) for a in np.ravel(alpha)]).reshape(alpha.shape)
        mean = self.mean * first + other.mean * (1 - first) + spread * density
        square = (
            (self.mean**2 + self.variance) * first
            + (other.mean**2 + other.variance) * (1 - first)
            + (self.mean + other.mean) * spread * density
        )
        variance = np.maximum(square - mean**2, 0.0)
        return _between(mean, variance, np.maximum(self.low, other.low), np.maximum(self.high, other.high))

    def minimum(self, other: Moments) -> Moments:
        """The moments of the smaller of two independent normal variables."""
        return self.negative().maximum(other.negative()).negative()

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


def _between(mean: Vector, variance: Vector, low: Vector, high: Vector) -> Moments:
    mean, variance, low, high = np.broadcast_arrays(mean, variance, low, high)
    return Moments(mean, variance, low, high, (mean, np.sqrt(variance)))


def _product(a: Vector, b: Vector) -> Vector:
    """A product of bounds in which nothing times infinity is nothing."""
    made: Vector = np.where((a == 0) | (b == 0), 0.0, a) * np.where((a == 0) | (b == 0), 0.0, b)
    return made


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
