"""W6: pooling windows."""

from __future__ import annotations

from collections.abc import Sequence


def average_sum(codes: Sequence[int], x_zero: int) -> int:
    """What an average pool's result pipeline starts from: ``sum(x - x_zero)`` over the window.

    Padding contributes nothing to the sum whether it is counted or not: its code is `x_zero`.
    Whether it is *counted* decides the multiplier, which folds 1/count.
    """
    return sum(code - x_zero for code in codes)


def maximum(codes: Sequence[int]) -> int:
    """Max pool: the greatest code inside the input; padding never wins."""
    return max(codes)
