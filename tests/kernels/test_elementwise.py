"""Conversions between codes and words: exact, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.errors import InputError
from npusim.kernels.elementwise import narrow, widen
from tests.kernels.strategies_kernels import CODE_TYPES


@pytest.mark.parametrize("dtype", CODE_TYPES)
def test_there_and_back(dtype: type) -> None:
    limits = np.iinfo(dtype)
    codes = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(-1, 2)
    words = widen(codes[::2].T)
    assert words.dtype == np.int64
    assert words.flags.c_contiguous
    np.testing.assert_array_equal(narrow(words, dtype), codes[::2].T)
    for beyond in (limits.min - 1, limits.max + 1):
        with pytest.raises(InputError, match="does not fit"):
            narrow(np.array([0, beyond], np.int64), dtype)


def test_widening_never_shares_memory() -> None:
    words = np.zeros(3, np.int64)
    widen(words)[:] = 1
    assert words.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.uint64, np.float64, np.bool_])
def test_what_int64_does_not_hold_is_refused(dtype: type) -> None:
    with pytest.raises(ValueError, match="int64 does not hold"):
        widen(np.zeros(2, dtype))
