"""A.average_float32: the average of codes in binary32, as ONNX Runtime's QLinearAveragePool computes it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from npusim.spec.floats import BINARY32
from npusim.spec.rounding import Rounding, divide
from npusim.spec.width import Width, saturate


def average(
    codes: Sequence[int], count: int, scales: tuple[int, int], zeros: tuple[int, int], y: Width, lift: int = 0
) -> int:
    """Dequantized, added one after the other, divided by `count`, quantized; every operation is rounded.

    Parameters
    ----------
    codes
        Of a window, row by row, without its padding.
    scales
        The bits of the input's and of the output's scale.
    zeros
        The input's and the output's zero point.
    y, lift
        The output's codes, and what is taken off before they are written into them.

    Examples
    --------
    >>> average([1, 2, 4], 3, (0x3F800000, 0x3F800000), (0, 0), Width(8))
    2
    """
    x_scale, y_scale = (_decoded(pattern) for pattern in scales)
    total = Fraction(0)
    for code in codes:
        total = nearest(total + nearest(x_scale * (code - zeros[0])))
    units = nearest(nearest(total / count) / y_scale)
    made = nearest(units + zeros[1])
    return saturate(divide(made.numerator, made.denominator, Rounding.HALF_EVEN) - lift, y)[0]


def nearest(real: Fraction) -> Fraction:
    """The nearest binary32 number, half to even."""
    found = _decoded(BINARY32.encode(abs(real)))
    return found if real >= 0 else -found


def _decoded(pattern: int) -> Fraction:
    significand, exponent = BINARY32.decode(pattern)
    return significand * Fraction(2) ** exponent
