"""Weighted sums of four pixels: bilinear interpolation, in units of the scale."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.resampling import weighted

CODE = st.integers(-(2**15), 2**15 - 1)
PLACE = st.integers(1, 2048).flatmap(lambda scale: st.tuples(st.just(scale), st.integers(0, scale)))


@given(st.tuples(CODE, CODE, CODE, CODE), PLACE, PLACE)
def test_weights_of_distances_interpolate(
    codes: tuple[int, int, int, int], row: tuple[int, int], column: tuple[int, int]
) -> None:
    down, right = Fraction(row[1], row[0]), Fraction(column[1], column[0])
    above = codes[0] + (codes[1] - codes[0]) * right
    below = codes[2] + (codes[3] - codes[2]) * right
    made = weighted(codes, (row[0] - row[1], row[1]), (column[0] - column[1], column[1]))
    assert Fraction(made, row[0] * column[0]) == above + (below - above) * down
