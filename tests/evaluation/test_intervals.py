"""Intervals against published tables, enumeration and resampling."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.evaluation.intervals import auc, paired_auc_interval, paired_interval, share_interval


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_in_newcombe_1998(successes: int, count: int, low: float, high: float) -> None:
    assert share_interval(successes, count) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("gained", "lost"), [(0.05, 0.05), (0.02, 0.08), (0.0, 0.1), (0.15, 0.25)])
def test_the_paired_interval_covers(gained: float, lost: float) -> None:
    """Over every outcome of 40 images the true difference lies inside: 95 times in 100, at the edge 91."""
    count, covered, even = 40, 0.0, 1 - gained - lost
    for more in range(count + 1):
        for less in range(count + 1 - more):
            ways = comb(count, more) * comb(count - more, less)
            chance = ways * gained**more * lost**less * even ** (count - more - less)
            low, high = paired_interval(more, less, count)
            covered += chance * (low <= gained - lost <= high)
    assert 0.91 < covered < 0.995


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100))
def test_the_paired_interval_is_symmetric(gained: int, lost: int, same: int) -> None:
    count = gained + lost + same
    low, high = paired_interval(gained, lost, count)
    assert paired_interval(lost, gained, count) == pytest.approx((-high, -low))
    assert -1 <= low < high <= 1


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=20))
def test_auc_is_the_share_of_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    positive = [score for score, is_positive in rows if is_positive]
    negative = [score for score, is_positive in rows if not is_positive]
    if not positive or not negative:
        return
    ordered = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    scores, marks = (np.array(column) for column in zip(*rows, strict=True))
    assert auc(scores.astype(float), marks) == pytest.approx(ordered / (len(positive) * len(negative)))


def test_the_auc_interval_agrees_with_resampling() -> None:
    random = np.random.default_rng(1)
    positive = np.arange(120) < 60
    first = random.normal(size=120) + positive
    second = first + random.normal(size=120)
    found = []
    for _ in range(2000):
        take = np.concatenate([random.integers(0, 60, 60), random.integers(60, 120, 60)])
        found.append(auc(second[take], positive[take]) - auc(first[take], positive[take]))
    low, high = paired_auc_interval(first, second, positive)
    assert high - low == pytest.approx(2 * 1.96 * np.std(found), rel=0.1)
    assert (low + high) / 2 == pytest.approx(auc(second, positive) - auc(first, positive))
    assert paired_auc_interval(first, first, positive) == (0.0, 0.0)
