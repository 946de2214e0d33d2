"""What an instruction set must bring to compute convolutions: pack weights, multiply a tile."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Patches = npt.NDArray[Any]
"""[rows, depth]: gathered input codes, one output pixel a row, of the dot product's element type."""


class PackedMatrix(Protocol):
    """Weights in one dot product's layout; they live in memory only, never in a file."""

    @property
    def layout_id(self) -> str:
        """The layout, which a dot product recognises its own by."""

    @property
    def columns(self) -> int:
        """Output channels."""


class DotProduct(Protocol):
    """Exact sums of products of codes and weights.

    The caller gathers patches of `element` type with `depth(products)` columns, each code plus
    `code_offset`; it takes the offset's share off through the bias, as it does a zero point's.

    Attributes
    ----------
    layout_id
        Names the packed layout.
    row_block
        Patches come in multiples of so many rows; what the surplus rows hold does not matter.
    """

    layout_id: str
    row_block: int

    def element(self, codes: np.dtype[Any]) -> np.dtype[Any]:
        """The element type of patches of these input codes."""

    def code_offset(self, codes: np.dtype[Any]) -> int:
        """What is added to each input code of this type when it is gathered."""

    def depth(self, products: int) -> int:
        """The row length of patches: `products` rounded up; the surplus columns hold zeros."""

    def pack(self, weights: npt.NDArray[np.int64], codes: np.dtype[Any]) -> PackedMatrix:
        """Lay out weights : int64[columns, products] for input codes of this type."""

    def tile(
        self,
        patches: Patches,
        packed: PackedMatrix,
        out: npt.NDArray[np.int32] | npt.NDArray[np.int64],
        first_column: int,
    ) -> None:
        """Write the sums of all rows of `out` : [rows, ...], at its columns from `first_column` on.

        `patches` has at least as many rows, rounded up to `row_block`. int32 sums are right modulo
        2**32, int64 sums modulo 2**64.
        """
