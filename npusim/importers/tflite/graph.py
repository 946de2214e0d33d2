"""A TFLite model as plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError

Array = npt.NDArray[Any]
Option = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """A tensor of the model.

    Attributes
    ----------
    shape
        As the file has it, batch included.
    kind
        The schema's type, such as ``INT8``.
    scales : float32[n]
        One, or one per index along `axis`; empty: the tensor is not quantized.
    zero_points : int64[n]
    data
        The values of a constant; None: computed.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    kind: str
    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int = 0
    data: Array | None = None

    @property
    def scale(self) -> np.float32:
        """The scale of a tensor that has a single one."""
        if self.scales.size != 1:
            raise self.error("one scale for the tensor is wanted", found=f"{self.scales.size} scales")
        made: np.float32 = self.scales[0]
        return made

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has a single one."""
        if self.zero_points.size != 1:
            raise self.error("one zero point for the tensor is wanted", found=f"{self.zero_points.size}")
        return int(self.zero_points[0])

    def error(self, problem: str, *, found: object = None, allowed: str | None = None) -> InputError:
        """An error that names the tensor."""
        return InputError(problem, key=f"tensor {self.name!r}", found=found, allowed=allowed)


@dataclass(frozen=True)
class Operator:
    """An operator; inputs that are left out are -1."""

    index: int
    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option] = field(default_factory=dict)

    def integer(self, name: str) -> int:
        """An option that is a whole number or an enumeration's value."""
        return int(self._option(name))

    def real(self, name: str) -> float:
        """An option that is a number."""
        return float(self._option(name))

    def _option(self, name: str) -> Any:
        found = self.options.get(name)
        if found is None or isinstance(found, (str, tuple)):
            raise self.error("an option is missing", found=name)
        return found

    def text(self, name: str) -> str:
        """An option that is a text."""
        found = self.options.get(name, "")
        if not isinstance(found, str):
            raise self.error("an option is not a text", found=name)
        return found

    def integers(self, name: str) -> tuple[int, ...]:
        """An option that is a list of whole numbers."""
        found = self.options.get(name, ())
        if not isinstance(found, tuple):
            raise self.error("an option is not a list", found=name)
        return found

    def error(self, problem: str, *, found: object = None, allowed: str | None = None) -> InputError:
        """An error that names the operator."""
        return InputError(problem, key=f"operator {self.index} ({self.op})", found=found, allowed=allowed)


@dataclass(frozen=True)
class Graph:
    """The main graph of a model.

    Attributes
    ----------
    initial
        The graphs that CALL_ONCE operators run before the first image, by their index.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    initial: Mapping[int, Graph] = field(default_factory=dict)
