"""Rounding many weights together: codes that are near in a quadratic measure.

The squared error of a layer's sums is ``q @ A @ q - 2 * b @ q`` and a constant, for each row q of codes:
A the second moments of its inputs, b what the float network's sums ask for. Rows are worked on many at once,
column by column; matrix products sum in one order whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

_CACHE = 1 << 15
"""Numbers that are worked on at once."""
_PANEL = 64
"""Columns of a factor between two updates of what is left."""


@dataclass(frozen=True)
class Quadratic:
    """A quadratic function of each row of codes.

    Attributes
    ----------
    metric : float64[columns, columns]
        A, positive definite.
    wanted : float64[rows, columns]
        b.
    """

    metric: Matrix
    wanted: Matrix

    def value(self, codes: Matrix) -> Matrix:
        """The function of every row, without the constant: smaller is better."""
        made: Matrix = np.sum(codes * (codes @ self.metric - 2 * self.wanted), axis=1)
        return made

    def nearest_plane(self, greatest: int) -> Matrix:
        """Codes by error compensation (GPTQ, arXiv 2210.17323): each column makes up for those before it.

        Columns are rounded from the one with the greatest moment down. What rounding one adds moves the
        others, in the measure of the metric; this is Babai's nearest plane, whose triangular factor is a
        Cholesky factor of the metric itself, so that no inverse is needed.

        Parameters
        ----------
        greatest
            The greatest code's magnitude.
        """
        order = np.argsort(np.einsum("kk->k", self.metric), kind="stable")
        factor = cholesky(self.metric[np.ix_(order, order)])
        points = _forward(factor, self.wanted[:, order])
        codes = np.empty_like(points)
        for start, stop in reversed(list(_panels(len(order)))):
            for column in range(stop - 1, start - 1, -1):
                found = np.clip(np.rint(points[:, column] / factor[column, column]), -greatest, greatest)
                points[:, start:column] -= found[:, np.newaxis] * factor[column, start:column]
                codes[:, order[column]] = found
            points[:, :start] -= codes[:, order[start:stop]] @ factor[start:stop, :start]
        return codes

    def descend(self, codes: Matrix, low: Matrix, high: Matrix, sweeps: int) -> Matrix:
        """Codes that no change of a single one improves, within bounds: coordinate descent.

        Every step takes the best code of a column in every row, the others held; the function never grows.

        Parameters
        ----------
        codes, low, high
            Where to begin, and the bounds of each code.
        sweeps
            At most so many times over all columns.
        """
        made = codes.copy()
        for some in self._blocks():
            gradient = made[some] @ self.metric - self.wanted[some]
            for _ in range(sweeps):
                if not self._sweep(made[some], gradient, low[some], high[some]):
                    break
        return made

    def _sweep(self, codes: Matrix, gradient: Matrix, low: Matrix, high: Matrix) -> bool:
        """Once over all columns, in place; whether anything moved."""
        moved = False
        for column, weight in enumerate(np.einsum("kk->k", self.metric)):
            best = np.rint(codes[:, column] - gradient[:, column] / weight)
            change = np.clip(best, low[:, column], high[:, column]) - codes[:, column]
            # a code that is no nearer stays: ties must not wander
            rows = np.flatnonzero(change * (2 * gradient[:, column] + change * weight) < 0)
            if len(rows):
                moved = True
                codes[rows, column] += change[rows]
                gradient[rows] += change[rows, np.newaxis] * self.metric[column]
        return moved

    def _blocks(self) -> Iterator[slice]:
        rows, columns = self.wanted.shape
        size = max(_CACHE // columns, 8)
        return (slice(start, start + size) for start in range(0, rows, size))


def cholesky(matrix: Matrix) -> Matrix:
    """The lower factor L of ``L @ L.T``, a panel of columns at a time.

    A pivot that rounding has made tiny or negative is replaced by a tiny share of its diagonal.
    """
    left = matrix.copy()
    factor = np.zeros_like(matrix)
    least = np.maximum(1e-12 * np.einsum("kk->k", matrix), np.finfo(np.float64).tiny)
    for start, stop in _panels(len(matrix)):
        for column in range(start, stop):
            pivot = np.sqrt(max(left[column, column], least[column]))
            below = left[column + 1 :, column] / pivot
            factor[column, column], factor[column + 1 :, column] = pivot, below
            inside = stop - column - 1
            left[column + 1 :, column + 1 : stop] -= below[:, np.newaxis] * below[:inside]
        panel = factor[stop:, start:stop]
        left[stop:, stop:] -= panel @ np.ascontiguousarray(panel.T)
    return factor


def _forward(factor: Matrix, rows: Matrix) -> Matrix:
    """Solve ``factor @ x = row`` for every row."""
    made, turned = rows.copy(), np.ascontiguousarray(factor.T)
    for start, stop in _panels(len(factor)):
        for column in range(start, stop):
            made[:, column] /= factor[column, column]
            made[:, column + 1 : stop] -= made[:, column, np.newaxis] * turned[column, column + 1 : stop]
        made[:, stop:] -= np.ascontiguousarray(made[:, start:stop]) @ turned[start:stop, stop:]
    return made


def _panels(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + _PANEL, count)) for start in range(0, count, _PANEL))
