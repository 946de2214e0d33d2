"""Hard swish in 16-bit fixed point, as LiteRT's reference kernel computes it."""

from __future__ import annotations

from collections.abc import Callable
from math import frexp

import numpy as np

from npusim.errors import InputError
from npusim.importers.tflite.graph import Tensor
from npusim.importers.tflite.scales import half_away
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.width import Width, saturate

_HALF = Width(16)
_GUARD_BITS = 7
"""Codes are shifted left by so many bits first."""


def hard_swish(x: Tensor, y: Tensor) -> Callable[[int], int]:
    """``value * relu6(value + 3) / 6`` of a code.

    Raises
    ------
    InputError
        If the output's scale is too fine for the kernel.
    """
    fine = np.float32(np.float32(1 / 128) * x.scale)
    output, output_exponent = _short_multiplier(np.float32(fine / y.scale))
    reluish, reluish_exponent = _short_multiplier(np.float32(fine / np.float32(3.0 / 32768.0)))
    if output_exponent > 0:
        raise InputError("hard swish: the output's scale is too fine", found=float(y.scale))

    def of(code: int) -> int:
        value = (code - x.zero_point) << _GUARD_BITS
        scaled = _high_multiply(value, output)
        share = _reluish(value, reluish, reluish_exponent)
        product = _toward_zero(share * scaled)
        return shift_right(product, -output_exponent, Rounding.HALF_AWAY)[0] + y.zero_point

    return of


def _reluish(value: int, multiplier: int, exponent: int) -> int:
    """``relu6(value + 3) / 6`` in Q0.15."""
    if exponent > 0:
        value = _saturated(value << (exponent - 1))
    value = _high_multiply(value, multiplier)
    if exponent > 0:
        value = _saturated(value << 1)
    if exponent < 0:
        value = shift_right(value, -exponent, Rounding.HALF_AWAY)[0]
    return (value + (1 << 15)) >> 1


def _short_multiplier(real: np.float32) -> tuple[int, int]:
    """A 16-bit multiplier, through a 32-bit one, and its exponent."""
    fraction, exponent = frexp(float(real))
    whole = half_away(fraction * (1 << 31))
    if whole == 1 << 31:
        whole, exponent = whole // 2, exponent + 1
    if exponent < -31:
        whole, exponent = 0, 0
    if whole >= (1 << 31) - (1 << 15):
        return (1 << 15) - 1, exponent
    return (whole + (1 << 15)) >> 16, exponent


def _high_multiply(a: int, b: int) -> int:
    return _saturated(shift_right(a * b, 15, Rounding.HALF_UP)[0])


def _toward_zero(product: int) -> int:
    return _saturated(shift_right(product, 15, Rounding.TOWARD_ZERO)[0])


def _saturated(value: int) -> int:
    return saturate(value, _HALF)[0]
