"""Clipped-normal moments against Monte Carlo, and their limits (algorithms.md 1.6, 1.8)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.moments import Moments, clipped_normal

INF = float("inf")
COUNT = 400_000
DRAWN = np.random.default_rng(11).normal(size=COUNT)

CASES = [
    (mu, sigma, low, high)
    for mu, sigma in [(0.0, 1.0), (0.3, 1.2), (-2.0, 0.5), (5.0, 3.0)]
    for low, high in [(0.0, INF), (0.0, 6.0), (-INF, INF), (-INF, 1.0), (-1.0, 1.0)]
]


@pytest.mark.parametrize(("mu", "sigma", "low", "high"), CASES)
def test_they_are_what_sampling_says(mu: float, sigma: float, low: float, high: float) -> None:
    samples = np.clip(mu + sigma * DRAWN, low, high)
    mean, variance = clipped_normal(mu, sigma, low, high)
    # Five standard errors of the sampled mean and variance.
    error = 5 * samples.std() / np.sqrt(COUNT)
    fourth = np.mean((samples - samples.mean()) ** 4)
    assert abs(mean - samples.mean()) <= error + 1e-12
    assert abs(variance - samples.var()) <= 5 * np.sqrt(max(fourth - samples.var() ** 2, 0) / COUNT) + 1e-12


def test_the_digests_example_of_a_negative_gamma() -> None:
    """gamma = -1.2, beta = 0.3: +0.644 with sigma = abs(gamma), not -0.344."""
    assert Moments.normal(np.array([0.3]), np.abs([-1.2])).clipped(0, None).mean[0] == pytest.approx(
        0.644, abs=5e-4
    )


@given(st.floats(-100, 100), st.sampled_from([0.0, 1e-300, 1e-13]), st.sampled_from([(0.0, INF), (0.0, 6.0)]))
def test_without_spread_it_is_the_clipped_mean(mu: float, sigma: float, bounds: tuple[float, float]) -> None:
    assert clipped_normal(mu, sigma, *bounds) == (min(max(mu, bounds[0]), bounds[1]), 0.0)


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6), st.sampled_from([(0.0, INF), (0.0, 6.0), (-3.0, 0.0)]))
def test_they_are_always_numbers_inside_the_bounds(
    mu: float, sigma: float, bounds: tuple[float, float]
) -> None:
    mean, variance = clipped_normal(mu, sigma, *bounds)
    slack = 1e-9 * (abs(mu) + sigma)
    assert bounds[0] - slack <= mean <= bounds[1] + slack
    assert 0 <= variance <= sigma**2 * (1 + 1e-6) + 1e-6 * mu**2


def test_ranges_reach_so_many_sigmas_inside_the_bounds() -> None:
    moments = Moments.normal(np.array([1.0, -2.0]), np.array([0.5, 0.25]))
    assert moments.range(6) == (-3.5, 4.0)
    assert moments.clipped(0.0, None).range(6) == (0.0, 4.0)
    assert moments.clipped(0.0, 3.0).range(6) == (0.0, 3.0)
    assert moments.clipped(0.0, None).clipped(None, 2.0).range(2) == (0.0, 2.0)
