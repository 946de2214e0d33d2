"""95 % intervals of shares, and of differences between two answers to the same questions."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

Ends = tuple[float, float]


def share_interval(successes: int, count: int) -> Ends:
    """Wilson's score interval of a share (Wilson 1927).

    Examples
    --------
    >>> low, high = share_interval(20, 20)
    >>> round(low, 3), high
    (0.839, 1.0)
    """
    if count == 0:
        return 0.0, 1.0
    share, z2 = successes / count, Z * Z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z * sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == count else centre + half
    return low, high


def paired_interval(gained: int, lost: int, count: int) -> Ends:
    """The interval of a difference of two shares over the same images (Agresti and Min 2005).

    Wald's interval after half an image is added to each cell of the two-by-two table: where both
    answers are always right together it still has a width.

    Parameters
    ----------
    gained, lost
        Images that only the second, only the first answer gets right.
    count
        All images.

    Examples
    --------
    >>> low, high = paired_interval(0, 0, 70)
    >>> round(low, 3), round(high, 3)
    (-0.027, 0.027)
    """
    total, more, less = count + 2, gained + 0.5, lost + 0.5
    difference = (more - less) / total
    half = Z * sqrt(more + less - (more - less) ** 2 / total) / total
    return max(-1.0, difference - half), min(1.0, difference + half)


def auc(scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_]) -> float:
    """The share of (positive, negative) pairs in which the positive scores higher; ties count half.

    Examples
    --------
    >>> auc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True]))
    0.875
    """
    above, _ = _placements(scores, positive)
    return float(above.mean())


def paired_auc_interval(
    first: npt.NDArray[Any], second: npt.NDArray[Any], positive: npt.NDArray[np.bool_]
) -> Ends:
    """The interval of the second scores' AUC minus the first's (DeLong, DeLong and Clarke-Pearson 1988)."""
    parts = [_placements(scores, positive) for scores in (first, second)]
    difference = float(parts[1][0].mean() - parts[0][0].mean())
    variance = sum(
        float(np.var(parts[1][side] - parts[0][side], ddof=1)) / len(parts[0][side])
        for side in (0, 1)
        if len(parts[0][side]) > 1
    )
    half = Z * sqrt(variance)
    return max(-1.0, difference - half), min(1.0, difference + half)


def _placements(
    scores: npt.NDArray[Any], positive: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each positive the share of negatives below it; for each negative that of positives above it."""
    gap = scores[positive][:, None] - scores[~positive][None, :]
    higher = (gap > 0) + 0.5 * (gap == 0)
    return higher.mean(axis=1), higher.mean(axis=0)
