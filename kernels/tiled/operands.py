"""What a MAC step's codes and weights are multiplied as."""

from __future__ import annotations

import numpy as np

from npusim.kernels.emit.registers import WIDE
from npusim.kernels.isa import InstructionSet, selected
from npusim.kernels.packed import Packed

_BYTE, _SHORT = np.iinfo(np.int8), np.iinfo(np.int16)


def operand_type(packed: Packed) -> np.dtype[np.signedinteger] | None:
    """int8 for unsigned by signed bytes, int16 otherwise; None if weights do not fit, or nothing can."""
    if selected() is InstructionSet.GENERIC:
        return None
    low, high = int(packed.weights.min()), int(packed.weights.max())
    if WIDE and packed.x_dtype.itemsize == 1 and _BYTE.min <= low and high <= _BYTE.max:
        return np.dtype(np.int8)
    return np.dtype(np.int16) if _SHORT.min <= low and high <= _SHORT.max else None
