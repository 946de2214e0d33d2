"""Names and types that HDF5 files here may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError

DTYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
"""Names of the element types that are written and read."""

MAX_DIMENSIONS = 8
MAX_NAME_LENGTH = 1000


def check_name(name: str) -> tuple[str, ...]:
    """The components of an array's name such as ``steps/conv1/weights``.

    Raises
    ------
    InputError
        Empty components, ``.`` and ``..``, and control characters.
    """
    parts = tuple(name.split("/"))
    if (
        any(part in ("", ".", "..") for part in parts)
        or not name.isprintable()
        or len(name) > MAX_NAME_LENGTH
    ):
        raise InputError("not an array name", found=name, allowed="words joined by '/'")
    return parts


def check_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The little-endian form of an allowed type.

    Raises
    ------
    InputError
        Any other type.
    """
    if dtype.name not in DTYPES:
        raise InputError("wrong element type", found=dtype.name, allowed=", ".join(DTYPES))
    return dtype.newbyteorder("<")


def canonical(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array in little-endian C order, its shape kept.

    Raises
    ------
    InputError
        When its type is not one of `DTYPES`.
    """
    return np.asarray(array, dtype=check_dtype(array.dtype), order="C")
