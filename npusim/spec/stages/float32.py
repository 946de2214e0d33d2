"""A.float32: datapaths that rescale in float. IEEE 754 binary32, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npusim.spec.events import Events
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages.base import BaseStage, Fields, Operand, Ranges, value_of
from npusim.spec.width import Width, saturate

_SIGNIFICAND_BITS = 24
_LEAST_EXPONENT = -149


def round_to_float32(significand: int, exponent: int) -> tuple[int, int]:
    """`significand` * 2**`exponent`, rounded half to even to a binary32 (significand, exponent)."""
    excess = max(abs(significand).bit_length() - _SIGNIFICAND_BITS, _LEAST_EXPONENT - exponent)
    if excess <= 0:
        return significand, exponent
    return shift_right(significand, excess, Rounding.HALF_EVEN)[0], exponent + excess


def decode_float32(pattern: int) -> tuple[int, int]:
    """A finite binary32's bits as (significand, exponent)."""
    sign, biased, fraction = pattern >> 31, pattern >> 23 & 0xFF, pattern & 0x7FFFFF
    if biased == 0xFF:
        raise ValueError("a float32 scale must be finite")
    significand = fraction | (1 << 23 if biased else 0)
    return (-significand if sign else significand), max(biased, 1) - 150


@dataclass(frozen=True, kw_only=True)
class Float32(BaseStage):
    """Convert to float32, multiply by the float32 `scale`, round to an integer, saturate to `to` bits.

    `scale` names a field that holds the bits of a finite binary32. Conversion and product round
    half to even; `rounding` is the rule of the last step alone. A product beyond the greatest
    binary32 would be infinite and saturates like one.
    """

    stage: Literal["float32"] = "float32"
    scale: Operand
    rounding: Rounding = Rounding.HALF_EVEN
    to: int = 32

    def operands(self) -> tuple[Operand, ...]:
        return (self.scale,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        scale, scale_exponent = decode_float32(value_of(self.scale, fields))
        converted, exponent = round_to_float32(value, 0)
        product, exponent = round_to_float32(converted * scale, exponent + scale_exponent)
        if exponent >= 0:
            return saturate(product << exponent, Width(self.to))
        rounded, events = shift_right(product, -exponent, self.rounding)
        result, clipped = saturate(rounded, Width(self.to))
        return result, events | clipped

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        return Interval.of(Width(self.to))
