"""What a compiler decides about numbers: scales, zero points, shifts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.spec.interval import Interval
from npusim.spec.quantize import quantize
from npusim.spec.width import Width


@dataclass(frozen=True)
class Quantization:
    """How a tensor's codes stand for real numbers: ``scale * (code - zero_point)``.

    Attributes
    ----------
    codes
        The codes that it uses, where these are fewer than its register holds; None: all.
    """

    scale: float
    zero_point: int
    codes: Interval | None = None

    def used(self, all_codes: Interval) -> Interval:
        """The codes that it uses of those that its register holds."""
        return all_codes if self.codes is None else self.codes

    def code(self, value: float, codes: Width) -> int:
        """The code of one real number, clamped to the codes."""
        code = quantize(Fraction(value), Fraction(self.scale), self.zero_point, codes)
        used = self.used(Interval.of(codes))
        return min(max(code, used.low), used.high)


@dataclass(frozen=True)
class ResidualWeights:
    """One residual order: codes of what the orders before it left of some output channels' weights.

    Attributes
    ----------
    codes
        In the layer's weight layout, only the channels of `rows`.
    scales
        As those of the first order, whose shifts hold here too.
    rows
        The output channels, ascending.
    """

    codes: npt.NDArray[Any]
    scales: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class QuantizedWeights:
    """A layer's weights as codes.

    Attributes
    ----------
    codes
        In the layer's weight layout, output channels first.
    scales
        Per output channel, or one for all (shape (1,)): what a code of a channel with shift 0 is worth.
    shifts
        Per output channel: the weights were multiplied by 2**shift before they were quantized.
    residuals
        The second and further orders (arXiv 2203.14645): the weights are the sum of all.
    total_order
        Where activations are read in digits: products of an order and a digit are computed up to this
        sum of both (the first order and the highest digit are 1); None: all.
    real
        The weights that the codes stand for, where a code may be further than one step from its own; None:
        none is.
    """

    codes: npt.NDArray[Any]
    scales: npt.NDArray[np.float64]
    shifts: npt.NDArray[np.int64]
    residuals: tuple[ResidualWeights, ...] = ()
    total_order: int | None = None
    real: npt.NDArray[np.float64] | None = None

    @property
    def outputs(self) -> int:
        """Output channels."""
        return len(self.codes)

    def channel_scale(self, channel: int) -> Fraction:
        """What one weight code of a channel is worth, exactly."""
        scale = self.scales[channel if len(self.scales) > 1 else 0]
        return Fraction(float(scale)) / (1 << int(self.shifts[channel]))

    @property
    def orders(self) -> tuple[QuantizedWeights, ...]:
        """Each order alone, of all output channels: zeros where a channel has no codes of the order."""
        made = [replace(self, residuals=(), total_order=None)]
        for residual in self.residuals:
            codes = np.zeros_like(self.codes)
            codes[residual.rows] = residual.codes
            made.append(QuantizedWeights(codes, residual.scales, self.shifts))
        return tuple(made)

    def dequantized(self) -> npt.NDArray[np.float64]:
        """The real weights that the codes of all orders stand for."""
        if self.residuals:
            real: npt.NDArray[np.float64] = np.sum([one.dequantized() for one in self.orders], axis=0)
            return real
        worth = np.array([float(self.channel_scale(o)) for o in range(self.outputs)])
        single: npt.NDArray[np.float64] = self.codes * worth.reshape(-1, *[1] * (self.codes.ndim - 1))
        return single
