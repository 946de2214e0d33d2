"""Dot products: one module per instruction set, behind one protocol."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from npusim.kernels.dot.protocol import DotProduct
from npusim.kernels.isa import InstructionSet, selected

IMPLEMENTED = {
    InstructionSet.GENERIC: "npusim.kernels.dot.generic",
    InstructionSet.AVX2: "npusim.kernels.dot.avx2",
    InstructionSet.AVX512_VNNI: "npusim.kernels.dot.avx512_vnni",
}
"""The module of each implemented set; imported only if it is used, since a target that lacks an
intrinsic aborts the process."""


@cache
def dot_product() -> DotProduct:
    """The best implemented dot product up to the selected instruction set."""
    order = list(InstructionSet)
    usable = [choice for choice in IMPLEMENTED if order.index(choice) <= order.index(selected())]
    best = max(usable, key=order.index)
    found: DotProduct = import_module(IMPLEMENTED[best]).DOT_PRODUCT
    return found


__all__ = ["IMPLEMENTED", "DotProduct", "dot_product"]
