"""What calibration remembers of a tensor: extremes, then a histogram between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 2048
SAMPLE = 1 << 18
"""Values of one batch that are counted at least, where there are more."""


@dataclass
class Extremes:
    """The least and greatest value seen."""

    low: float = np.inf
    high: float = -np.inf

    def add(self, values: npt.NDArray[Any]) -> None:
        """See more values."""
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))


def sample(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every n-th value, n without a common factor with the channels, so that none is left out.

    Examples
    --------
    >>> sample(np.zeros((8, 512, 512, 32))).size >= SAMPLE
    True
    """
    step = max(values.size // SAMPLE, 1)
    while step > 1 and gcd(step, values.shape[-1]) > 1:
        step -= 1
    return values.reshape(-1)[::step]


class Histogram:
    """Counts of a tensor's values in equal bins from its least to its greatest."""

    def __init__(self, extremes: Extremes) -> None:
        self.low, self.high = extremes.low, extremes.high
        self.counts = np.zeros(BINS, np.int64)

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The middle of each bin."""
        width = (self.high - self.low) / BINS
        made: npt.NDArray[np.float64] = self.low + width * (np.arange(BINS, dtype=np.float64) + 0.5)
        return made

    def add(self, values: npt.NDArray[Any]) -> None:
        """Count more values: all of them, or of a large batch an even sample."""
        if self.high > self.low:
            self.counts += np.histogram(sample(values), BINS, (self.low, self.high))[0]

    def percentile(self, percent: float) -> tuple[float, float]:
        """The range whose high end `percent` of all values do not exceed, and its low end alike."""
        share = np.cumsum(self.counts) / max(self.counts.sum(), 1)
        centres = self.centres
        low = centres[int(np.searchsorted(share, 1 - percent / 100))]
        high = centres[min(int(np.searchsorted(share, percent / 100)), BINS - 1)]
        return float(low), float(high)

    def least_squares(self, levels: int) -> tuple[float, float]:
        """The range, from 1 to 100 % of the extremes on each side, whose quantizer errs least.

        Mean squared error of clipping and rounding together (algorithms.md 7.1); the two ends are
        searched in turn until neither moves.
        """
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        fractions = np.linspace(0.01, 1.0, 100)
        best = (low, high)
        for _ in range(8):
            before = best
            best = min(((low * f, best[1]) for f in fractions), key=lambda r: self._error(r, levels))
            best = min(((best[0], high * f) for f in fractions), key=lambda r: self._error(r, levels))
            if best == before:
                break
        return best

    def _error(self, ends: tuple[float, float], levels: int) -> float:
        step = (ends[1] - ends[0]) / (levels - 1)
        if step <= 0:
            return np.inf
        centres = self.centres
        outside = centres - np.clip(centres, *ends)
        # Rounding errs by step**2 / 12 on average inside the range; clipped values sit on a code.
        squares = np.where(outside != 0, outside**2, step**2 / 12)
        return float(np.dot(squares, self.counts))
