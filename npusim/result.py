"""What a simulation answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim import notebook
from npusim.errors import InputError
from npusim.program import Program
from npusim.statistics import StepStatistics
from npusim.steps.base import Array


@dataclass(frozen=True)
class Result:
    """What a simulation answers.

    Attributes
    ----------
    outputs
        Integer codes by output name, batch first.
    taps
        Recorded tensors by step and point, batch first.
    """

    outputs: dict[str, Array]
    taps: dict[str, dict[str, Array]]
    _statistics: Callable[[], dict[str, StepStatistics]] | None = field(repr=False)
    _program: Program = field(repr=False)

    @cached_property
    def statistics(self) -> dict[str, StepStatistics] | None:
        """By step name; None unless asked for."""
        return None if self._statistics is None else self._statistics()

    @property
    def dequantized(self) -> dict[str, npt.NDArray[np.float64]]:
        """The outputs in real units."""
        return {name: dequantize(self._program, name, codes) for name, codes in self.outputs.items()}

    def __repr__(self) -> str:
        return notebook.result_line(self)

    def _repr_html_(self) -> str:
        return notebook.result_html(self)


def dequantize(program: Program, tensor: str, codes: Array) -> npt.NDArray[np.float64]:
    """A tensor's codes in real units.

    Raises
    ------
    InputError
        If the program does not say what the codes mean.
    """
    real = program.real.tensors.get(tensor)
    if real is None:
        raise InputError("the program gives this tensor no scale", key="real.tensors", found=tensor)
    return real.dequantize(codes)
