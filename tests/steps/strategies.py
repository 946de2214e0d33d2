"""Codes, registers and windows for steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

CODE = st.integers(-128, 127)
MULTIPLIER = st.integers(0, 65535) | st.integers(32768, 65535)
SHIFT = st.integers(0, 63) | st.integers(10, 24)
PADS = st.tuples(st.integers(0, 2), st.integers(0, 2))


def codes(shape: Sequence[int]) -> st.SearchStrategy[npt.NDArray[Any]]:
    """A tensor of int8 codes, extremes included."""
    return arrays(np.int8, tuple(shape), elements=CODE | st.sampled_from([-128, 127]))


def bounds() -> st.SearchStrategy[tuple[int, int]]:
    """(low, high) of a clamp."""
    return st.tuples(CODE, CODE).map(lambda pair: (min(pair), max(pair)))


def image_shapes(side: int = 5, channels: int = 4) -> st.SearchStrategy[tuple[int, int, int]]:
    """Small image shapes."""
    return st.tuples(st.integers(1, side), st.integers(1, side), st.integers(1, channels))


def windows() -> st.SearchStrategy[dict[str, Any]]:
    """Kernel, stride and padding; not all fit every image."""
    small = st.tuples(st.integers(1, 4), st.integers(1, 4))
    strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
    return st.fixed_dictionaries({"kernel": small, "stride": strides, "padding": st.tuples(PADS, PADS)})
