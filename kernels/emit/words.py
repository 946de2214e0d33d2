"""Words in memory by their address: kernels pass addresses where passing arrays would count references."""

from __future__ import annotations

from typing import Any

from numba import types

from npusim.kernels.emit.build import I64, load, piece


@piece
def word_at(typing: Any, address: int) -> Any:
    """The int64 at an address; whoever took the address keeps its array alive."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return load(builder, values[0], 0, I64)

    return types.int64(types.int64), generate
