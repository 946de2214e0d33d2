"""How vector files are written: one file per format."""

from __future__ import annotations

from enum import StrEnum

from npusim.vectors.formats.base import WordFormat, WordReader
from npusim.vectors.formats.hex_file import HexFormat
from npusim.vectors.formats.npy_file import NpyFormat


class VectorFormat(StrEnum):
    """A format of vector files."""

    HEX = "hex"
    """``$readmemh``: one word a line, fixed digits, two's complement."""
    NPY = "npy"
    """Numpy: one integer a code, words first, then lanes."""

    @property
    def words(self) -> WordFormat:
        """The writer and reader."""
        return _FORMATS[self]


_FORMATS: dict[VectorFormat, WordFormat] = {VectorFormat.HEX: HexFormat(), VectorFormat.NPY: NpyFormat()}

__all__ = ["VectorFormat", "WordFormat", "WordReader"]
