"""What a layer needs to become steps: scales in, register fields out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.model import Shape
from npusim.quantization import Quantization, QuantizedWeights
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, divide
from npusim.spec.scale import encode
from npusim.steps.fields import Activation, FieldValues

Clip = tuple[float | None, float | None]
"""The bounds of a fused activation function; None: no bound."""


@dataclass(frozen=True)
class Lowering:
    """Everything the lowering of one layer reads.

    Attributes
    ----------
    quantization
        Scale and zero point of every tensor.
    weights
        Codes of every layer that has weights.
    """

    datapath: Datapath
    shapes: Mapping[str, Shape]
    quantization: Mapping[str, Quantization]
    weights: Mapping[str, QuantizedWeights]

    def real_scale(self, tensor: str) -> Fraction:
        """A tensor's scale, exactly."""
        return Fraction(self.quantization[tensor].scale)

    def code(self, tensor: str, value: float) -> int:
        """The code of a real number in a tensor, clipped to its codes."""
        code, _ = _bound(value, self.quantization[tensor], self.datapath.activation.interval, 0)
        return code

    def output_fields(
        self, tensor: str, clip: Clip | None = None, caps: npt.NDArray[Any] | None = None
    ) -> tuple[FieldValues, Activation]:
        """`y_zero`, `low` and `high` of an output tensor, and which bounds are an activation's (A4).

        Parameters
        ----------
        caps
            Upper bounds per channel: `high` becomes one per channel.
        """
        quantization = self.quantization[tensor]
        codes = self.datapath.activation.interval
        lower, upper = (None, None) if clip is None else clip
        low, is_low = _bound(lower, quantization, codes, codes.low)
        high, is_high = _bound(upper, quantization, codes, codes.high)
        flag = {
            (False, False): Activation.NONE,
            (True, False): Activation.LOW,
            (False, True): Activation.HIGH,
            (True, True): Activation.BOTH,
        }[is_low, is_high]
        fields: FieldValues = {"y_zero": quantization.zero_point, "low": low, "high": high}
        if caps is None:
            return fields, flag
        capped = [_bound(float(cap), quantization, codes, codes.high)[0] for cap in caps]
        flag = Activation.BOTH if is_low else Activation.HIGH
        return {**fields, "high": np.minimum(_column(capped), high)}, flag

    def shared_scale(self, reals: Sequence[Fraction]) -> tuple[list[int], int]:
        """Multipliers that share one shift, by the datapath's recipe."""
        try:
            return encode(reals, self.datapath.scale, self.datapath.fields["shift"].interval)
        except ArithmeticError as error:
            raise InputError(f"the datapath cannot hold a scale: {error}") from None

    def channel_scales(self, reals: Sequence[Fraction]) -> FieldValues:
        """`multiplier`, `shift` and `inverse_shift` of channels with scales of their own.

        With one shift per layer the inverse shift normalises each channel's multiplier; what it
        cannot hold comes out of the multiplier's precision.
        """
        alone = [self.shared_scale([real]) for real in reals]
        if self.datapath.per_channel("shift"):
            return {
                "multiplier": _column([m[0] for m, _ in alone]),
                "shift": _column([shift for _, shift in alone]),
                "inverse_shift": _column([0] * len(reals)),
            }
        base = min(shift for (multiplier,), shift in alone if multiplier or shift == alone[0][1])
        inverse = [min(max(shift - base, 0), self.datapath.inverse_shift_max) for _, shift in alone]
        rounding = self.datapath.scale.rounding
        multipliers = [
            _round(real * 2 ** (base + k), rounding) for real, k in zip(reals, inverse, strict=True)
        ]
        return {"multiplier": _column(multipliers), "shift": base, "inverse_shift": _column(inverse)}

    def bias_codes(
        self, bias: npt.NDArray[Any], worth: Sequence[Fraction], rounding: Rounding = Rounding.HALF_EVEN
    ) -> npt.NDArray[np.int64]:
        """A real bias in units of each channel's accumulator (W3)."""
        codes = [_round(Fraction(float(b)) / unit, rounding) for b, unit in zip(bias, worth, strict=True)]
        limits = Interval.of(self.datapath.mac.bias.register)
        for channel, code in enumerate(codes):
            if code not in limits:
                raise InputError(
                    f"the bias of channel {channel} does not fit", found=code, allowed=f"{limits}"
                )
        return _column(codes)


def _round(value: Fraction, rounding: Rounding) -> int:
    return divide(value.numerator, value.denominator, rounding)


def _column(values: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def _bound(value: float | None, quantization: Quantization, codes: Interval, end: int) -> tuple[int, bool]:
    """A clip's code, and whether the activation (not the code range) is what clips there."""
    if value is None:
        return end, False
    code = quantization.zero_point + _round(
        Fraction(value) / Fraction(quantization.scale), Rounding.HALF_EVEN
    )
    return min(max(code, codes.low), codes.high), code in codes
