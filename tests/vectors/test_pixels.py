from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.vectors.pixels import Sampling, sample_pixels

sizes = st.integers(1, 12)


@given(sizes, sizes, st.integers(1, 40), st.integers(0, 9))
def test_corners_and_edges_are_always_shown(rows: int, columns: int, wanted: int, seed: int) -> None:
    chosen = sample_pixels(rows, columns, "conv", Sampling(wanted, seed))
    if chosen is None:
        assert rows * columns <= max(wanted, 8)
        return
    corners_and_edges = {(y, x) for y in (0, rows - 1) for x in (0, columns // 2, columns - 1)}
    corners_and_edges |= {(rows // 2, x) for x in (0, columns - 1)}
    assert corners_and_edges <= {divmod(pixel, columns) for pixel in chosen}
    assert list(chosen) == sorted(set(chosen))
    assert len(chosen) == max(wanted, len(corners_and_edges))


def test_the_choice_never_changes() -> None:
    assert sample_pixels(9, 9, "conv", Sampling(11, seed=3)) == (0, 4, 5, 8, 36, 44, 46, 72, 76, 77, 80)
    assert sample_pixels(9, 9, "conv", Sampling(11, seed=4)) != sample_pixels(
        9, 9, "conv", Sampling(11, seed=3)
    )


def test_no_pixels_are_no_sample() -> None:
    with pytest.raises(InputError, match="sample_pixels"):
        Sampling(0)
