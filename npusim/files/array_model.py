"""A pydantic base whose instances compare by value, arrays included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict


class ArrayModel(BaseModel):
    """Frozen model that forbids unknown keys and may hold arrays.

    Two models are equal when their fields are: arrays in dtype, shape and every element.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        return all(same_values(getattr(self, name), getattr(other, name)) for name in type(self).model_fields)

    def __hash__(self) -> int:
        # arrays do not hash; that equal models have equal types is all that is needed
        return hash(type(self))


def same_values(left: Any, right: Any) -> bool:
    """Equality that goes into mappings, lists and arrays.

    Examples
    --------
    >>> same_values({"w": [np.arange(3)]}, {"w": [np.arange(3)]})
    True
    >>> same_values(np.arange(3, dtype=np.int8), np.arange(3, dtype=np.int16))
    False
    """
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return (
            isinstance(left, np.ndarray)
            and isinstance(right, np.ndarray)
            and left.dtype == right.dtype
            and np.array_equal(left, right)
        )
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same_values(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same_values, left, right))
    return bool(left == right)
