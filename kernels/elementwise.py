"""What adds, concats and conversions need beside the pipelines: exact, checked copies between types."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.kernels.ops import Words


def widen(codes: npt.NDArray[Any]) -> Words:
    """Integers of any type up to 64 bits as int64; always a fresh array, for in-place pipelines."""
    if codes.dtype.kind not in "iu" or codes.dtype == np.uint64:
        raise ValueError(f"int64 does not hold {codes.dtype}")
    return np.array(codes, np.int64, order="C")


def narrow(values: Words, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """int64 values as codes, without clipping.

    Raises
    ------
    InputError
        If a value is no code of this type.
    """
    codes = np.dtype(dtype)
    limits = np.iinfo(codes)  # type: ignore[type-var]
    if values.size and (values.min() < limits.min or values.max() > limits.max):
        raise InputError(
            f"a result does not fit {codes}: end the pipeline with a clamp or saturate",
            found=f"{int(values.min())}..{int(values.max())}",
            allowed=f"{limits.min}..{limits.max}",
        )
    return values.astype(codes)


def add_exact(a: Words, b: Words) -> Words:
    """The sum of two int64 arrays of one shape; proven to fit int64 by the datapath's widths."""
    return np.add(a, b)
