"""lattice: rounding rows of weights together, against the papers' own procedures and brute force."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.compiler.lattice import Quadratic, cholesky

Matrix = npt.NDArray[np.float64]


def metric(size: int, seed: int, samples: int = 50) -> Matrix:
    rng = np.random.default_rng([size, seed])
    inputs = rng.normal(size=(samples, size)) @ rng.normal(size=(size, size)) + rng.normal(size=size)
    return inputs.T @ inputs / samples + 0.05 * np.eye(size)


def problem(rows: int, size: int, seed: int, spread: float = 3.0) -> tuple[Quadratic, Matrix]:
    """Rounding of weights w: b = A w."""
    weights = np.random.default_rng([rows, size, seed]).normal(0, spread, (rows, size))
    found = metric(size, seed)
    return Quadratic(found, weights @ found), weights


def gptq(weights: Matrix, hessian: Matrix, greatest: int) -> Matrix:
    """The paper's procedure: columns in descending order of the diagonal, the inverse's upper factor."""
    order = np.argsort(np.einsum("kk->k", hessian), kind="stable")[::-1]
    upper = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    rest, codes = weights[:, order].copy(), np.empty_like(weights)
    for j in range(len(order)):
        codes[:, order[j]] = np.clip(np.rint(rest[:, j]), -greatest, greatest)
        error = (rest[:, j] - codes[:, order[j]]) / upper[j, j]
        rest[:, j + 1 :] -= error[:, None] * upper[j, j + 1 :]
    return codes


@given(st.integers(1, 200), st.integers(0, 100))
@settings(max_examples=25)
def test_the_factor_is_cholesky(size: int, seed: int) -> None:
    found = metric(size, seed)
    np.testing.assert_allclose(cholesky(found), np.linalg.cholesky(found), rtol=1e-6, atol=1e-9)


def test_a_singular_metric_has_a_factor_too() -> None:
    ones = np.ones((3, 3))
    factor = cholesky(ones)
    assert np.isfinite(factor).all()
    np.testing.assert_allclose(factor @ factor.T, ones, atol=1e-5)


@given(st.integers(1, 150), st.integers(0, 100), st.sampled_from([2, 7, 127]))
@settings(max_examples=25)
def test_the_nearest_plane_is_gptq(size: int, seed: int, greatest: int) -> None:
    found, weights = problem(6, size, seed)
    codes = found.nearest_plane(greatest)
    np.testing.assert_array_equal(codes, gptq(weights, found.metric, greatest))
    assert np.abs(codes).max() <= greatest


def test_without_correlations_it_rounds_to_nearest() -> None:
    weights = np.random.default_rng(0).normal(0, 5, (4, 9))
    plain = Quadratic(np.diag(np.arange(1.0, 10.0)), weights * np.arange(1.0, 10.0))
    np.testing.assert_array_equal(plain.nearest_plane(127), np.rint(weights))


@given(st.integers(2, 70), st.integers(0, 100), st.integers(1, 20))
@settings(max_examples=25)
def test_descending_never_errs_more_and_ends_where_no_single_change_helps(
    size: int, seed: int, rows: int
) -> None:
    found, weights = problem(rows, size, seed)
    low, high = np.floor(weights), np.ceil(weights)
    start = np.rint(weights)
    value = found.value(start)
    for sweeps in (1, 2, 100):
        codes = found.descend(start, low, high, sweeps)
        assert (found.value(codes) <= value + 1e-9 * np.abs(value)).all()
        value = found.value(codes)
    assert ((codes == low) | (codes == high)).all()
    for column in range(size):
        other = codes.copy()
        other[:, column] = np.where(codes[:, column] == low[:, column], high[:, column], low[:, column])
        assert (found.value(other) >= value - 1e-6 * np.abs(value).max()).all()


@pytest.mark.parametrize("seed", range(5))
def test_both_come_near_the_best_of_all_codes(seed: int) -> None:
    """Five weights, every code from -3 to 3 enumerated."""
    found, weights = problem(1, 5, seed, spread=1.0)
    every = np.array(list(product(range(-3, 4), repeat=5)), np.float64)
    whole = Quadratic(found.metric, np.broadcast_to(found.wanted, every.shape))
    constant = float(np.sum(weights @ found.metric * weights))
    best = whole.value(every).min() + constant
    bound: Any = np.full((1, 5), 3.0)
    codes = found.descend(found.nearest_plane(3), -bound, bound, 100)
    nearest = found.value(np.clip(np.rint(weights), -3, 3))[0] + constant
    assert best <= found.value(codes)[0] + constant + 1e-9 <= max(2 * best, 0) + 1e-6 or (
        found.value(codes)[0] + constant < 0.5 * nearest
    )
