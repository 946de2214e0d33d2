"""What float32 and float64 share: an integer converted, multiplied by a float scale, rounded back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from npusim.spec.floats import FloatFormat
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages.base import BaseStage, Events, Fields, Operand, Ranges, value_of
from npusim.spec.width import Width, saturate


@dataclass(frozen=True, kw_only=True)
class FloatStage(BaseStage):
    """Convert to float, multiply by the float `scale`, round to an integer, saturate to `to` bits.

    `scale` names a field that holds the bits of a finite number. Conversion and product round half
    to even; `rounding` is the rule of the last step alone. A product beyond the greatest finite
    number would be infinite and saturates like one.

    A clamp to integer bounds between product and last step would change nothing: rounding is monotone
    and leaves integers alone, so it may as well stand behind this stage.
    """

    format: ClassVar[FloatFormat]
    scale_bits: ClassVar[int]
    """Width of the unsigned field that holds the scale."""

    scale: Operand
    rounding: Rounding = Rounding.HALF_EVEN
    to: int = 32

    def operands(self) -> tuple[Operand, ...]:
        return (self.scale,)

    def exact(self, value: int, fields: Fields) -> tuple[int, Events]:
        scale, scale_exponent = self.format.decode(value_of(self.scale, fields))
        converted, exponent = self.format.round(value, 0)
        product, exponent = self.format.round(converted * scale, exponent + scale_exponent)
        if exponent >= 0:
            return saturate(product << exponent, Width(self.to))
        rounded, events = shift_right(product, -exponent, self.rounding)
        result, clipped = saturate(rounded, Width(self.to))
        return result, events | clipped

    def exact_reach(self, value: Interval, ranges: Ranges) -> Interval:
        return Interval.of(Width(self.to))
