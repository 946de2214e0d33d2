"""From a real range to scale and zero point (algorithms.md 1.2, 1.8)."""

from __future__ import annotations

import sys
from enum import StrEnum

from npusim.quantization import Quantization
from npusim.spec.interval import Interval

_LEAST_RANGE = 2.0**-20
_MANY_CODES = 1 << 16


class Symmetry(StrEnum):
    """Where real zero sits among the codes."""

    ASYMMETRIC = "asymmetric"
    """Wherever it makes use of all codes."""
    SYMMETRIC = "symmetric"
    """At code 0."""


def quantization_of(low: float, high: float, codes: Interval, symmetry: Symmetry) -> Quantization:
    """Scale and zero point of a tensor whose values lie in low..high.

    The range is extended to hold zero, so that zero has a code of its own.

    Examples
    --------
    >>> quantization_of(0.0, 255.0, Interval(-128, 127), Symmetry.ASYMMETRIC)
    Quantization(scale=1.0, zero_point=-128, codes=None)
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < sys.float_info.min * _MANY_CODES:  # nothing, or too little for a scale in float64
        return Quantization(_LEAST_RANGE, min(max(0, codes.low), codes.high))
    if symmetry is Symmetry.SYMMETRIC and codes.low < 0:
        return Quantization(max(-low, high) / codes.high, 0)
    scale = (high - low) / (codes.high - codes.low)
    zero_point = codes.low + round(-low / scale)
    return Quantization(scale, min(max(zero_point, codes.low), codes.high))
