"""SQNR: the power of a float signal over that of what integers add to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Powers = npt.NDArray[np.float64]


class SignalToNoise:
    """Powers of a float signal and of what integers add to it."""

    def __init__(self, signal: float = 0.0, noise: float = 0.0) -> None:
        self.signal = signal
        self.noise = noise

    def add(self, real: Array, approximation: Array) -> None:
        """See more values."""
        real = real.astype(np.float64)
        self.signal += float(np.sum(real**2))
        self.noise += float(np.sum((approximation - real) ** 2))

    @property
    def decibels(self) -> float:
        """SQNR; infinite without noise, minus infinite for noise without signal."""
        if self.noise == 0:
            return float("inf")
        return 10 * float(np.log10(self.signal / self.noise)) if self.signal else float("-inf")


def powers(real: Array, approximation: Array, samples: int) -> Powers:
    """Signal and noise power of each sample, (samples, 2).

    One sample at a time, so that the sums do not depend on how samples were batched.

    Parameters
    ----------
    real, approximation
        Inputs first; each sample has as many of them.
    """
    found = np.empty((samples, 2))
    pairs = zip(real.reshape(samples, -1), approximation.reshape(samples, -1), strict=True)
    for index, (one, other) in enumerate(pairs):
        exact = one.astype(np.float64)
        found[index] = np.sum(exact * exact), np.sum((other - exact) ** 2)
    return found


def decibels(found: Powers) -> float:
    """SQNR of all samples together.

    Examples
    --------
    >>> decibels(np.array([[50.0, 1.0], [50.0, 0.0]]))
    20.0
    """
    signal, noise = found.sum(axis=0)
    return SignalToNoise(float(signal), float(noise)).decibels


def finite(value: float | None) -> float | None:
    """The same where JSON can hold it: JSON has no infinity."""
    return value if value is not None and np.isfinite(value) else None
