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
from npusim.spec.scale import encode, fill, real_multiplier, shift_limits
from npusim.spec.stages import BaseStage
from npusim.steps.fields import Activation, FieldValue, FieldValues, needed_fields

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
        code, _ = _bound(value, self.quantization[tensor], self.codes(tensor), 0)
        return code

    def codes(self, tensor: str) -> Interval:
        """The codes that a tensor uses."""
        return self.quantization[tensor].used(self.datapath.activation.interval)

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
        codes, whole = self.codes(tensor), self.datapath.activation.interval
        lower, upper = (None, None) if clip is None else clip
        low, is_low = _bound(lower, quantization, codes, codes.low)
        high, is_high = _bound(upper, quantization, codes, codes.high)
        flag = {
            (False, False): Activation.NONE,
            (True, False): Activation.LOW,
            (False, True): Activation.HIGH,
            (True, True): Activation.BOTH,
        }[is_low, is_high]
        neutral = {"y_zero": 0, "low": whole.low, "high": whole.high}
        values: FieldValues = {"y_zero": quantization.zero_point, "low": low, "high": high}
        fields = self._held(values, neutral, tensor)
        if caps is None:
            return fields, flag
        capped = [_bound(float(cap), quantization, codes, codes.high)[0] for cap in caps]
        flag = Activation.BOTH if is_low else Activation.HIGH
        return {**fields, "high": np.minimum(_column(capped), high)}, flag

    def input_fields(self, tensor: str) -> FieldValues:
        """`x_zero` of an input tensor, where the datapath has it."""
        return self._held({"x_zero": self.quantization[tensor].zero_point}, {"x_zero": 0}, tensor)

    def _held(self, values: FieldValues, neutral: Mapping[str, int], tensor: str) -> FieldValues:
        """The fields that the datapath has; what it lacks must say nothing."""
        for name, value in values.items():
            if name not in self.datapath.fields and value != neutral[name]:
                raise InputError(
                    f"the datapath {self.datapath.name} has no field {name}, but a tensor needs it",
                    key=tensor,
                    found=value,
                    allowed=str(neutral[name]),
                )
        return {name: value for name, value in values.items() if name in self.datapath.fields}

    def ratio(self, factors: Sequence[Fraction], divisor: Fraction) -> Fraction:
        """A product of scales over a scale, in the arithmetic of the datapath's recipe."""
        return real_multiplier(factors, divisor, self.datapath.scale.precision)

    def scale_fields(self, real: Fraction, stages: Sequence[BaseStage]) -> FieldValues:
        """What the datapath's recipe makes of one real multiplier: the fields that `stages` read."""
        return {**self._filled(real, stages)}

    def _filled(self, real: Fraction, stages: Sequence[BaseStage]) -> dict[str, int]:
        """The fields that `stages` read; only they limit the shift."""
        ranges = self.datapath.ranges()
        read = {name: ranges[name] for name in needed_fields(tuple(stages)) if name in ranges}
        try:
            made = fill(real, self.datapath.scale, read)
            return {name: made[name] for name in read if name in made}
        except ArithmeticError as error:
            raise InputError(f"the datapath cannot hold a scale: {error}") from None

    def shared_scale(self, reals: Sequence[Fraction]) -> tuple[list[int], int]:
        """Multipliers that share one shift, by the datapath's recipe."""
        try:
            limits = shift_limits(self.datapath.scale, self.datapath.ranges())
            return encode(reals, self.datapath.scale, limits)
        except ArithmeticError as error:
            raise InputError(f"the datapath cannot hold a scale: {error}") from None

    def channel_scales(self, reals: Sequence[Fraction], stages: Sequence[BaseStage]) -> FieldValues:
        """The recipe's fields that `stages` read, and `inverse_shift`, of channels with scales of their own.

        With one shift per layer the inverse shift normalises each channel's multiplier; what it
        cannot hold comes out of the multiplier's precision.
        """
        parts = [name for name in needed_fields(tuple(stages)) if name in self.datapath.scale.parts]
        if all(self.datapath.per_channel(name) for name in parts):
            filled = [self._filled(real, stages) for real in reals]
            fields: FieldValues = {name: _column([one[name] for one in filled]) for name in parts}
            return fields | self.inverse_shifts(_column([0] * len(reals)))
        if "inverse_shift" not in self.datapath.fields:
            raise InputError("the datapath has one scale per layer", found=f"{len(reals)} scales of weights")
        alone = [self.shared_scale([real]) for real in reals]
        base = min(shift for (multiplier,), shift in alone if multiplier or shift == alone[0][1])
        inverse = [min(max(shift - base, 0), self.datapath.inverse_shift_max) for _, shift in alone]
        rounding = self.datapath.scale.rounding
        multipliers = [
            _round(real * 2 ** (base + k), rounding) for real, k in zip(reals, inverse, strict=True)
        ]
        return {"multiplier": _column(multipliers), "shift": base, "inverse_shift": _column(inverse)}

    def order_scales(self, reals: Sequence[Sequence[Fraction]]) -> tuple[tuple[FieldValues, ...], int]:
        """A7: `multiplier` and `align` of each order, and the one shift of their sum.

        Every order has a normalised multiplier at a shift of its own, and is aligned to the greatest
        of these; what `align` cannot hold comes out of the finer orders' multipliers.

        Parameters
        ----------
        reals
            By order: one for the layer, or one per channel.
        """
        limit = self.datapath.fields["align"].interval.high if "align" in self.datapath.fields else 0
        shifts = [self.shared_scale(order)[1] for order in reals]
        whole = min(max(shifts), min(shifts) + limit)
        rounding, fields = self.datapath.scale.rounding, []
        for order, own in zip(reals, shifts, strict=True):
            shift = min(own, whole)
            multipliers = [_round(real * 2**shift, rounding) for real in order]
            value: FieldValue = multipliers[0] if len(order) == 1 else _column(multipliers)
            fields.append({"multiplier": value, "align": whole - shift} if limit else {"multiplier": value})
        return tuple(fields), whole

    def inverse_shifts(self, shifts: npt.NDArray[np.int64]) -> FieldValues:
        """`inverse_shift`, where the datapath has it."""
        return {"inverse_shift": shifts} if "inverse_shift" in self.datapath.fields else {}

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
