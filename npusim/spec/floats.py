"""IEEE 754 binary formats in integers: what the float stages and float scales are made of."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from npusim.spec.rounding import Rounding, divide, shift_right


@dataclass(frozen=True)
class FloatFormat:
    """A binary interchange format.

    Numbers are (significand, exponent): ``significand * 2**exponent``.

    Parameters
    ----------
    significand_bits
        The leading bit that is not stored included.
    """

    significand_bits: int
    exponent_bits: int

    @property
    def least_exponent(self) -> int:
        """That of the least subnormal number."""
        return 3 - (1 << (self.exponent_bits - 1)) - self.significand_bits

    def round(self, significand: int, exponent: int) -> tuple[int, int]:
        """The nearest number of the format, half to even; its exponent is not limited."""
        excess = max(abs(significand).bit_length() - self.significand_bits, self.least_exponent - exponent)
        if excess <= 0:
            return significand, exponent
        return shift_right(significand, excess, Rounding.HALF_EVEN)[0], exponent + excess

    def decode(self, pattern: int) -> tuple[int, int]:
        """A finite number's bits as (significand, exponent).

        Raises
        ------
        ValueError
            If it is infinite or not a number.
        """
        fraction_bits = self.significand_bits - 1
        fraction = pattern & ((1 << fraction_bits) - 1)
        biased = pattern >> fraction_bits & ((1 << self.exponent_bits) - 1)
        if biased == (1 << self.exponent_bits) - 1:
            raise ValueError("a float scale must be finite")
        significand = fraction | (1 << fraction_bits if biased else 0)
        negative = pattern >> (fraction_bits + self.exponent_bits)
        return (-significand if negative else significand), max(biased, 1) + self.least_exponent - 1

    def encode(self, real: Fraction) -> int:
        """The bits of the number nearest to `real`, which is zero or more; half to even.

        Raises
        ------
        OverflowError
            If it is beyond the greatest finite number.

        Examples
        --------
        >>> hex(BINARY32.encode(Fraction(3, 2)))
        '0x3fc00000'
        """
        if not real:
            return 0
        fraction_bits = self.significand_bits - 1
        exponent = real.numerator.bit_length() - real.denominator.bit_length() - fraction_bits
        exponent = max(exponent - (_scaled(real, exponent) < 1 << fraction_bits), self.least_exponent)
        scaled = real / Fraction(2) ** exponent
        # A carry out of the rounding lands in the exponent, which is right there.
        pattern = divide(scaled.numerator, scaled.denominator, Rounding.HALF_EVEN)
        pattern += (exponent - self.least_exponent) << fraction_bits
        if pattern >> fraction_bits >= (1 << self.exponent_bits) - 1:
            raise OverflowError(f"a scale is beyond the greatest float of {self.significand_bits} bits")
        return pattern


def _scaled(real: Fraction, exponent: int) -> Fraction:
    return real / Fraction(2) ** exponent


BINARY32: Final = FloatFormat(24, 8)
BINARY64: Final = FloatFormat(53, 11)
