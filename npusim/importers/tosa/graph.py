"""A TOSA graph as plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from npusim.errors import InputError

Array = npt.NDArray[Any]
Attribute = int | bytes | tuple[int, ...]


class UnsupportedError(InputError):
    """A graph that the specification allows and the importer does not know."""


class NotConstantError(UnsupportedError):
    """An operand that a program stores is computed, or fed; `found` names it."""


@dataclass(frozen=True)
class Tensor:
    """A tensor or a shape of the graph.

    Attributes
    ----------
    shape
        As the file has it; () for a single value.
    kind
        The schema's type, such as ``INT8``, or ``SHAPE``.
    data
        The values of a constant; None: computed, or fed.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    data: Array | None = None


@dataclass(frozen=True)
class Operator:
    """An operator; tensors go by their names."""

    index: int
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def integer(self, name: str) -> int:
        """An attribute that is a whole number."""
        found = self.attributes[name]
        if not isinstance(found, int):
            raise self.error("an attribute is no number", found=name)
        return found

    def flag(self, name: str) -> bool:
        """An attribute that is true or false."""
        return bool(self.integer(name))

    def integers(self, name: str, count: int | None = None) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers, of a given length if it must have one."""
        found = self.attributes[name]
        if not isinstance(found, tuple) or count not in {None, len(found)}:
            raise self.error(f"{name} has the wrong length", found=found, allowed=f"{count} numbers")
        return found

    def raw(self, name: str) -> bytes:
        """An attribute that is a value's bytes."""
        found = self.attributes[name]
        if not isinstance(found, bytes):
            raise self.error("an attribute is no list of bytes", found=name)
        return found

    def error(self, problem: str, *, found: object = None, allowed: str | None = None) -> InputError:
        """An error that names the operator."""
        return InputError(problem, key=self.key, found=found, allowed=allowed)

    def unsupported(
        self, problem: str, *, found: object = None, allowed: str | None = None
    ) -> UnsupportedError:
        """The same for what only the importer does not know."""
        return UnsupportedError(problem, key=self.key, found=found, allowed=allowed)

    @property
    def key(self) -> str:
        """What errors call it."""
        return f"operator {self.index} ({self.op})"


@dataclass(frozen=True)
class Graph:
    """The main block of a TOSA file."""

    tensors: Mapping[str, Tensor]
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
