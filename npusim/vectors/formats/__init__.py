"""How vector files are written: one file per format."""

from __future__ import annotations

from enum import StrEnum

from npusim.vectors.formats.base import WordFormat, WordReader
from npusim.vectors.formats.binary_file import BinaryFormat
from npusim.vectors.formats.decimal_file import CFormat, TextFormat
from npusim.vectors.formats.hex_file import HexFormat
from npusim.vectors.formats.npy_file import NpyFormat, NpzFormat


class VectorFormat(StrEnum):
    """A format of vector files."""

    HEX = "hex"
    """``$readmemh``: one word a line, fixed digits, two's complement."""
    TEXT = "text"
    """Decimal numbers, one word a line; of units the cases themselves, one a line."""
    BIN = "bin"
    """Raw little-endian integers."""
    NPY = "npy"
    """Numpy: one integer a code, words first, then lanes."""
    NPZ = "npz"
    """Numpy: all files of a folder in one archive."""
    C = "c"
    """C headers, an array each."""

    @property
    def words(self) -> WordFormat:
        """The writer and reader."""
        return _FORMATS[self]


_FORMATS: dict[VectorFormat, WordFormat] = {
    VectorFormat.HEX: HexFormat(),
    VectorFormat.TEXT: TextFormat(),
    VectorFormat.BIN: BinaryFormat(),
    VectorFormat.NPY: NpyFormat(),
    VectorFormat.NPZ: NpzFormat(),
    VectorFormat.C: CFormat(),
}

__all__ = ["VectorFormat", "WordFormat", "WordReader"]
