"""What a step in one pass offers to whoever runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from npusim.kernels.ops import Words

Bytes = npt.NDArray[np.uint8]
"""A whole tensor's codes as flat bytes, in C order; inputs are read-only."""


class Call(NamedTuple):
    """A kernel and its arguments: arrays of its canonical types, and numbers."""

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]


class Direct(Protocol):
    """A step in one pass over its output, from codes to codes; used by several threads at once.

    Attributes
    ----------
    units
        How many parts the output has that can be computed apart: pixels, rows, stretches.
    scratch_bytes
        What a call needs.
    """

    units: int
    scratch_bytes: int

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """Compute the units `first` .. `last` - 1 of `out`.

        `scratch` has `scratch_bytes` bytes or more that nobody else uses meanwhile.
        """


class Elementwise(Direct, Protocol):
    """A step each of whose codes depends on the codes at the same place.

    Attributes
    ----------
    unit
        Codes of a unit; the last one may have fewer.
    """

    unit: int


@runtime_checkable
class Chained(Direct, Protocol):
    """A step whose work is a few calls of kernels that `chain` knows."""

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """What `run` calls for all units of these tensors."""


class Counting(Protocol):
    """A step in one pass that counts its events; used by several threads at once."""

    units: int
    scratch_bytes: int

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """As `Direct.run`; adds what happened to `record` : int64[records.LENGTH]."""


@runtime_checkable
class ChainedCounting(Counting, Protocol):
    """A step whose work and counting is a few calls of kernels that `chain` knows."""

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """What `run` calls for all units of these tensors."""
