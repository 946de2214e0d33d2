"""Lists of numbers as arrays, without numpy's silent conversions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.files.explain import shown

MAX_NESTING = 8


def number_array(values: Sequence[Any], dtype: str, key: str = "") -> npt.NDArray[Any]:
    """A nested list of numbers as an array.

    Parameters
    ----------
    values
        Numbers, or equally long lists of them. For an integer type: integers, not 8.0 or true.
    key
        Prefix of the key that errors name, before the indices.

    Raises
    ------
    InputError
        With the indices as key: the first item that does not fit.

    Examples
    --------
    >>> number_array([[1, 2], [3, 4]], "int64").shape
    (2, 2)
    """
    shape = _shape(values)
    kind = np.dtype(dtype)
    integer = kind.kind in "iu"
    low, high = (int(np.iinfo(kind).min), int(np.iinfo(kind).max)) if integer else (0, 0)
    flat = []
    for index, value in _leaves(values, shape, ()):
        place = key + "".join(f"[{part}]" for part in index)
        if integer and (type(value) is not int or not low <= value <= high):
            raise InputError(
                "wrong value", key=place, found=shown(value), allowed=f"an integer in {low}..{high}"
            )
        if type(value) is not int and type(value) is not float:
            raise InputError("wrong value", key=place, found=shown(value), allowed="a number")
        flat.append(value)
    if integer:
        return np.array(flat, dtype=kind).reshape(shape)
    try:
        with np.errstate(over="ignore"):  # infinities are found, with their place, by the caller
            return np.array([float(value) for value in flat], dtype=np.float64).astype(kind).reshape(shape)
    except OverflowError:
        raise InputError("number beyond the range of float64", key=key or None) from None


def first_not_finite(array: npt.NDArray[Any]) -> tuple[int, ...] | None:
    """Index of the first NaN or infinity, or None."""
    if array.dtype.kind != "f":
        return None
    bad = ~np.isfinite(array)
    if not bad.any():
        return None
    return tuple(int(part) for part in np.unravel_index(int(bad.argmax()), array.shape))


def _shape(values: Sequence[Any]) -> tuple[int, ...]:
    """The shape that the first items suggest."""
    shape: list[int] = []
    level: Any = values
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        if not level or len(shape) > MAX_NESTING:
            break
        level = level[0]
    return tuple(shape)


def _leaves(
    values: Any, shape: tuple[int, ...], index: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], Any]]:
    if not shape:
        yield index, values
        return
    if not isinstance(values, (list, tuple)) or len(values) != shape[0]:
        place = "".join(f"[{part}]" for part in index)
        found = len(values) if isinstance(values, (list, tuple)) else values
        raise InputError(
            "lists of unequal length", key=place or None, found=found, allowed=f"{shape[0]} items"
        )
    for position, value in enumerate(values):
        yield from _leaves(value, shape[1:], (*index, position))
