"""Pooling windows against the spec."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from npusim.kernels.geometry import Geometry
from npusim.kernels.pool import average_sums, max_pool, window_counts
from npusim.spec.pooling import average_sum, maximum
from tests.kernels.strategies_kernels import code_types, codes, geometries


@given(st.data())
def test_windows_equal_the_spec(data: st.DataObject) -> None:
    height, width, channels = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)))
    x = data.draw(codes(data.draw(code_types), (height, width, channels)))
    geometry = data.draw(
        geometries(height, width, data.draw(st.tuples(st.integers(1, 4), st.integers(1, 3))))
    )
    zero = data.draw(st.integers(-128, 255))
    sums, counts = average_sums(x, geometry, zero)
    inside = [list(_codes(x, geometry, pixel)) for pixel in np.ndindex(*geometry.out)]
    assert counts.tolist() == [len(window) for window in inside]
    for c in range(channels):
        spec = [average_sum([int(code[c]) for code in window], zero) for window in inside]
        assert sums[:, c].tolist() == spec
    assume(all(inside))
    greatest = max_pool(x, geometry)
    assert greatest.dtype == x.dtype
    for c in range(channels):
        assert greatest[:, c].tolist() == [maximum([int(code[c]) for code in window]) for window in inside]


def _codes(x: np.ndarray, geometry: Geometry, pixel: tuple[int, ...]) -> list[np.ndarray]:
    places = [geometry.window.at(pixel[0], pixel[1], *tap) for tap in np.ndindex(*geometry.kernel)]
    return [x[y, at] for y, at in places if 0 <= y < x.shape[0] and 0 <= at < x.shape[1]]


def test_a_window_of_padding_has_no_maximum() -> None:
    geometry = Geometry((1, 1), (3, 1), pad_before=(1, 0))
    assert window_counts(1, 1, geometry).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="outside the input"):
        max_pool(np.zeros((1, 1, 1), np.int8), geometry)
