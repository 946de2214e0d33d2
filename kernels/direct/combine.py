"""Elementwise add, sub and mul from codes to codes, in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.kernels import combine as kernel
from npusim.kernels.direct.protocol import Bytes
from npusim.kernels.event_plan import EventPlan
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.kernels.tell import Teller, teller
from npusim.spec.elementwise import Combination


class DirectCombination:
    """One step's combination; make it with `direct_combination`.

    Attributes
    ----------
    units
        Stretches of whole rows of channels.
    unit
        Codes of one.
    scratch_bytes
        Nothing is needed.
    """

    def __init__(self, fused: kernel.FusedCombination, codes: np.dtype[np.generic], size: int) -> None:
        self._fused, self._codes, self._size = fused, codes, size
        self.unit = fused.width
        self.units, self.scratch_bytes = -(-size // self.unit), 0

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        part = slice(first * self._fused.width, min(last * self._fused.width, self._size))
        a, b = (codes.view(self._codes)[part] for codes in inputs)
        self._fused.run(a, b, out.view(self._codes)[part])

    @property
    def reach(self) -> int:
        """The greatest magnitude of what its result pipeline starts from."""
        return self._fused.reach

    def counting(self, plan: EventPlan) -> CountingCombination:
        """The same with the events of its result counted."""
        return CountingCombination(self._fused, self._codes, self._size, teller(plan, self._fused.width))


class CountingCombination:
    """A combination with the events of its result counted."""

    def __init__(
        self, fused: kernel.FusedCombination, codes: np.dtype[np.generic], size: int, tell: Teller
    ) -> None:
        self._fused, self._codes, self._size, self._teller = fused, codes, size, tell
        self.units, self.scratch_bytes = -(-size // fused.width), 0

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        part = slice(first * self._fused.width, min(last * self._fused.width, self._size))
        a, b = (codes.view(self._codes)[part] for codes in inputs)
        made = out.view(self._codes)[part]
        self._fused.run_counting(a, b, made, self._teller, record, part.start)


def direct_combination(
    combination: Combination,
    operands: tuple[Plan, Plan],
    result: Plan,
    inputs: Sequence[np.dtype[np.generic]],
    codes: np.dtype[np.generic],
    size: int,
) -> DirectCombination | None:
    """The one-pass form of a step on two tensors of one shape; None if it is not proven right.

    Parameters
    ----------
    operands, result
        The step's pipelines.
    inputs, codes
        The types of both inputs' codes and of the output's.
    size
        Codes of the output.
    """
    fused = kernel.fuse_combination(combination, operands, result, inputs, codes)
    return None if fused is None else DirectCombination(fused, codes, size)
