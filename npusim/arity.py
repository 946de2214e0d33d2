"""How many tensors an operation reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from npusim.errors import InputError

T = TypeVar("T")


def only(inputs: Sequence[T]) -> T:
    """The one input of an operation.

    Raises
    ------
    InputError
        If there are none or several.
    """
    return exactly(inputs, 1)[0]


def exactly(inputs: Sequence[T], count: int) -> Sequence[T]:
    """The inputs of an operation that reads so many.

    Raises
    ------
    InputError
        If there are fewer or more.
    """
    if len(inputs) != count:
        found = f"{len(inputs)} input{'' if len(inputs) == 1 else 's'}"
        raise InputError("wrong number of inputs", key="inputs", found=found, allowed=str(count))
    return inputs
