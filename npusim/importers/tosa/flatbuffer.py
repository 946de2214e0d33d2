"""Reads flatbuffers that may be damaged or hostile: every access is held against the file's length.

The format (FlatBuffers, "Internals"): a table begins with the distance back to its field list, which
holds after its own length and the table's the place of every field in the table, 0 for one that is left
out. Vectors, texts and tables are reached by distances forward. All numbers are little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError

_DISTANCE, _BACK, _FIELD = Struct("<I"), Struct("<i"), Struct("<H")


@dataclass(frozen=True)
class Table:
    """A table of a file; fields are named by their number in the schema.

    Attributes
    ----------
    place
        Where it begins.
    """

    content: bytes
    place: int

    @classmethod
    def root(cls, content: bytes) -> Table:
        """The table a file begins with."""
        return cls(content, _follow(content, 0))

    def integer(self, field: int, layout: str, default: int = 0) -> int:
        """A number, by its `struct` format."""
        place = self._field(field)
        return default if place is None else _number(self.content, place, Struct(f"<{layout}"))

    def table(self, field: int) -> Table | None:
        """Another table; None if it is left out."""
        place = self._field(field)
        return None if place is None else Table(self.content, _follow(self.content, place))

    def tables(self, field: int) -> list[Table]:
        """A list of tables."""
        return [Table(self.content, _follow(self.content, place)) for place in self._entries(field)]

    def text(self, field: int) -> str:
        """A text, empty if it is left out."""
        place = self._field(field)
        return "" if place is None else _text(self.content, _follow(self.content, place))

    def texts(self, field: int) -> list[str]:
        """A list of texts."""
        return [_text(self.content, _follow(self.content, place)) for place in self._entries(field)]

    def integers(self, field: int, layout: str) -> list[int]:
        """A list of numbers, by their `struct` format."""
        numbers = self.vector(field, np.dtype(f"<{layout}"))
        return [] if numbers is None else [int(number) for number in numbers]

    def vector(self, field: int, kind: np.dtype[np.generic]) -> npt.NDArray[np.generic] | None:
        """A list of numbers as they lie in the file, not copied; None if it is left out."""
        place = self._field(field)
        if place is None:
            return None
        first, count = _list(self.content, _follow(self.content, place), kind.itemsize)
        return np.frombuffer(self.content, kind, count, first)

    def _entries(self, field: int) -> range:
        """Where each distance of a list stands."""
        place = self._field(field)
        if place is None:
            return range(0)
        first, count = _list(self.content, _follow(self.content, place), _DISTANCE.size)
        return range(first, first + count * _DISTANCE.size, _DISTANCE.size)

    def _field(self, field: int) -> int | None:
        fields = self.place - _number(self.content, self.place, _BACK)
        at = 2 * _FIELD.size + field * _FIELD.size
        if at + _FIELD.size > _number(self.content, fields, _FIELD):
            return None
        offset = _number(self.content, fields + at, _FIELD)
        return self.place + offset if offset else None


def _number(content: bytes, place: int, layout: Struct) -> int:
    if not 0 <= place <= len(content) - layout.size:
        raise InputError(
            "damaged: something lies outside the file", found=f"byte {place}", allowed=f"{len(content)} bytes"
        )
    (value,) = layout.unpack_from(content, place)
    return int(value)


def _follow(content: bytes, place: int) -> int:
    return place + _number(content, place, _DISTANCE)


def _list(content: bytes, place: int, size: int) -> tuple[int, int]:
    """Where a list's entries begin, and how many there are."""
    count = _number(content, place, _DISTANCE)
    first = place + _DISTANCE.size
    if count * size > len(content) - first:
        raise InputError("damaged: a list is longer than the file", found=f"{count} entries")
    return first, count


def _text(content: bytes, place: int) -> str:
    first, count = _list(content, place, 1)
    return content[first : first + count].decode("utf-8", "replace")
