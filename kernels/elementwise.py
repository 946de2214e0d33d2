"""Between codes and words: exact, checked copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.kernels.jit import Array
from npusim.kernels.ops import Words


def widen(codes: Array) -> Words:
    """Integers of any type up to 64 bits as int64; always a fresh array, for in-place pipelines."""
    if codes.dtype.kind not in "iu" or codes.dtype == np.uint64:
        raise ValueError(f"int64 does not hold {codes.dtype}")
    return np.array(codes, np.int64, order="C")


def narrow(values: Words, dtype: npt.DTypeLike) -> Array:
    """int64 values as codes, without clipping.

    Raises
    ------
    InputError
        If a value is no code of this type.
    """
    codes = np.dtype(dtype)
    allowed = limits(codes)
    if values.size and (values.min() < allowed.min or values.max() > allowed.max):
        raise InputError(
            f"a result does not fit {codes}: end the pipeline with a clamp or saturate",
            found=f"{int(values.min())}..{int(values.max())}",
            allowed=f"{allowed.min}..{allowed.max}",
        )
    return values.astype(codes)


def limits(dtype: npt.DTypeLike) -> np.iinfo[Any]:
    """The range of an integer type."""
    found: np.iinfo[Any] = np.iinfo(np.dtype(dtype))
    return found
