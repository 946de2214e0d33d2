"""The one decorator of all kernels, and the canonical types they are called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from npusim.kernels.cache import KernelCache

Array = npt.NDArray[Any]
"""Integers of one of a few types."""

Int = int | np.integer[Any]
"""A scalar inside a kernel."""

Function = TypeVar("Function", bound=Callable[..., Any])
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Kernel:
    """A compiled entry point and how many signatures it may ever have."""

    dispatcher: Any
    budget: int

    @property
    def compiled(self) -> int:
        """How many signatures this process has compiled or loaded."""
        return len(getattr(self.dispatcher, "signatures", ()))


KERNELS: dict[str, Kernel] = {}
"""Every entry point by its qualified name."""


def kernel(*, signatures: int) -> Callable[[Function], Function]:
    """Compile an entry point on first use and keep it on disk.

    Parameters
    ----------
    signatures
        How many argument types its facade can produce: the declared budget.
    """

    def decorate(function: Function) -> Function:
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
        if hasattr(compiled, "_cache"):
            compiled._cache = KernelCache(function)
        KERNELS[f"{function.__module__}.{function.__qualname__}"] = Kernel(compiled, signatures)
        return cast(Function, compiled)

    return decorate


def part(function: Function) -> Function:
    """Compile a piece that only other kernels call: it becomes part of them."""
    return cast(Function, numba.njit(nogil=True, error_model="numpy")(function))


def readonly(array: npt.ArrayLike, dtype: type[Scalar] | np.dtype[Scalar]) -> npt.NDArray[Scalar]:
    """An input as kernels take it: C-contiguous, aligned, native, not writable.

    A view where possible. Kernels see two array types per element type: inputs are never writable,
    outputs always are.
    """
    view = np.require(array, np.dtype(dtype), ["C_CONTIGUOUS", "ALIGNED"]).view()
    view.flags.writeable = False
    return view
