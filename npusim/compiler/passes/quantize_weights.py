"""Weights become codes: layer-wise, per channel, or by the weight equalizing shift scaler."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.bias_guard import BiasGuard
from npusim.compiler.squant import squant
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.layers.mac_layer import MacLayer
from npusim.model import Name
from npusim.quantization import QuantizedWeights

Vector = npt.NDArray[np.float64]


class Scheme(StrEnum):
    """How many scales a layer's weights have."""

    LAYER_WISE = "layer_wise"
    """One."""
    PER_CHANNEL = "per_channel"
    """One per output channel: the datapath needs a multiplier per channel."""
    SHIFT_SCALER = "shift_scaler"
    """One, after each output channel was scaled up by a power of two (arXiv 2008.05767); the inverse
    shift is fused into the rescale shift."""


class WeightRounding(StrEnum):
    """Which code a weight becomes."""

    NEAREST = "nearest"
    SQUANT = "squant"
    """Nearest, then a few flipped so that the errors of each kernel and channel sum to about nothing
    (arXiv 2202.07471); data-free."""


class QuantizeWeights(Pass):
    """Weights become codes, symmetric, the lowest code unused.

    Attributes
    ----------
    scheme
        How many scales.
    rounding
        Which code a weight becomes.
    max_shift
        For ``shift_scaler``: a limit below the datapath's field; None: the field's.
    scale_candidates
        For ``shift_scaler``: how many layer scales between the smallest and twice that are tried; the
        one whose codes err least is taken. 1: the smallest, at which the greatest channel has all codes.
    bits
        How many bits of the datapath's weights are used; None: all.
    layer_bits
        The same for single layers, by name.
    """

    kind: ClassVar[str] = "quantize_weights"

    pass_: Literal["quantize_weights"] = Field("quantize_weights", alias="pass")
    scheme: Scheme
    rounding: WeightRounding = WeightRounding.NEAREST
    max_shift: int | None = Field(None, ge=0, le=63)
    scale_candidates: int = Field(1, ge=1, le=256)
    bits: int | None = Field(None, ge=2, le=16)
    layer_bits: dict[Name, Annotated[int, Field(ge=2, le=16)]] = Field(default_factory=dict)

    def run(self, state: Compilation) -> Compilation:
        self._check(state)
        weights: dict[str, QuantizedWeights] = {}
        lowered = 0
        for layer in state.network.ordered_layers:
            if isinstance(layer, MacLayer):
                if not {layer.inputs[0], layer.outputs[0]} <= state.quantization.keys():
                    raise InputError("tensors without a range: run activation_ranges first", found=layer.name)
                state.progress(f"quantizing weights: {layer.name}")
                weights[layer.name], changed = self._quantize(state, layer)
                lowered += changed
        state = state.with_(weights=weights)
        if self.scheme is Scheme.SHIFT_SCALER:
            state = state.note(_shifts_used(weights))
        return state.note(f"the bias guard changed {lowered} channels") if lowered else state

    def _check(self, state: Compilation) -> None:
        datapath = state.datapath
        scales = [name for name in datapath.scale.multipliers if name in datapath.fields]
        if self.scheme is Scheme.PER_CHANNEL and not all(map(datapath.per_channel, scales)):
            raise InputError(
                f"the datapath {state.datapath.name} has one multiplier per layer",
                key="fields.multiplier.per",
                found="layer",
                allowed="channel, for per-channel weights",
            )

        self._check_bits(state)

    def _check_bits(self, state: Compilation) -> None:
        layers = [layer.name for layer in state.network.layers if isinstance(layer, MacLayer)]
        for name in self.layer_bits:
            if name not in layers:
                raise InputError(
                    "no layer with weights", key=f"layer_bits.{name}", found=name, allowed=", ".join(layers)
                )
        width = state.datapath.weight.bits
        for key, bits in [("bits", self.bits or 2), *self.layer_bits.items()]:
            if bits > width:
                raise InputError(
                    f"the weights of {state.datapath.name} are narrower",
                    key=key,
                    found=bits,
                    allowed=f"2..{width}",
                )

    def greatest_code(self, datapath: Datapath, layer: str) -> int:
        """The greatest weight code of a layer."""
        high = datapath.weight.interval.high
        bits = self.layer_bits.get(layer, self.bits)
        return high if bits is None else min(high, (1 << (bits - 1)) - 1)

    def _quantize(self, state: Compilation, layer: MacLayer) -> tuple[QuantizedWeights, int]:
        weights = np.asarray(layer.weights, np.float64)
        greatest = self.greatest_code(state.datapath, layer.name)
        guard = BiasGuard(state.datapath, state.quantization[layer.inputs[0]], layer, greatest)
        scales, shifts = self._scales(state.datapath, layer.name, weights)
        if self.scheme is Scheme.PER_CHANNEL:
            nothing = self._scale_of_nothing(state, layer)
            scales, changed = guard.raise_scales(np.where(scales > 0, scales, scales.max() or nothing))
            return self._codes(weights, scales, shifts, greatest), changed
        scale, shifts, changed = guard.lower_shifts(
            float(scales[0]) or self._scale_of_nothing(state, layer), shifts
        )
        return self._codes(weights, np.array([scale]), shifts, greatest), changed

    def _scales(
        self, datapath: Datapath, layer: str, weights: Vector
    ) -> tuple[Vector, npt.NDArray[np.int64]]:
        """Scales and shifts that the weights ask for; scales are 0 where all weights are."""
        greatest = self.greatest_code(datapath, layer)
        ranges = np.abs(weights).reshape(len(weights), -1).max(axis=1)
        shifts = np.zeros(len(weights), np.int64)
        if self.scheme is Scheme.PER_CHANNEL:
            return ranges / greatest, shifts
        whole = float(ranges.max()) / greatest
        if self.scheme is Scheme.SHIFT_SCALER:
            limit = datapath.inverse_shift_max
            limit = limit if self.max_shift is None else min(limit, self.max_shift)
            whole, shifts = self._best_scale(weights, ranges, whole, limit)
        return np.array([whole]), shifts

    def nearest(self, datapath: Datapath, layer: str, weights: Vector) -> Vector:
        """What is left of a layer's weights when each becomes its nearest code, whatever its bias."""
        scales, shifts = self._scales(datapath, layer, weights)
        units = np.ldexp(scales, -shifts).reshape(-1, *[1] * (weights.ndim - 1))
        units = np.where(units > 0, units, 1.0)
        made: Vector = np.rint(weights / units) * units
        return made

    def _best_scale(
        self, weights: Vector, ranges: Vector, whole: float, limit: int
    ) -> tuple[float, npt.NDArray[np.int64]]:
        """The layer scale, among the candidates, whose nearest codes err least, and its shifts."""
        shape = (-1, *[1] * (weights.ndim - 1))
        best = (np.inf, whole, shift_scaler(ranges, limit))
        if self.scale_candidates == 1 or whole == 0:
            return best[1:]
        for candidate in range(self.scale_candidates):
            stretch = 2.0 ** (candidate / self.scale_candidates)
            shifts = shift_scaler(ranges, limit, stretch)
            unit = np.ldexp(whole * stretch, -shifts).reshape(shape)
            error = float(np.sum((np.rint(weights / unit) * unit - weights) ** 2))
            best = min(best, (error, whole * stretch, shifts), key=lambda found: found[0])
        return best[1:]

    @staticmethod
    def _scale_of_nothing(state: Compilation, layer: MacLayer) -> float:
        """The scale of weights that are all zero: it resolves the bias, 256 units an output step."""
        x, y = (state.quantization[name].scale for name in (layer.inputs[0], layer.outputs[0]))
        return float(y / x / 256)

    def _codes(
        self, weights: Vector, scales: Vector, shifts: npt.NDArray[np.int64], greatest: int
    ) -> QuantizedWeights:
        shape = (-1, *[1] * (weights.ndim - 1))
        scaled = np.ldexp(weights, shifts.reshape(shape)) / scales.reshape(shape)
        codes = np.clip(np.rint(scaled), -greatest, greatest)
        if self.rounding is WeightRounding.SQUANT:
            codes = squant(scaled, codes, greatest)
        return QuantizedWeights(codes.astype(np.int8 if greatest < 128 else np.int16), scales, shifts)


def _shifts_used(weights: dict[str, QuantizedWeights]) -> str:
    shifts = np.concatenate([found.shifts for found in weights.values()] or [np.zeros(1, np.int64)])
    return f"the shift scaler used shifts 0..{shifts.max()}, {shifts.mean():.1f} on average"


def shift_scaler(ranges: Vector, limit: int, stretch: float = 1.0) -> npt.NDArray[np.int64]:
    """The greatest shift of each channel that keeps it within `stretch` times the greatest channel's range.

    Exact, since scaling by a power of two is: no logarithm is taken (algorithms.md 3.2).

    Examples
    --------
    >>> shift_scaler(np.array([1.0, 0.5, 0.49, 0.0]), 15)
    array([0, 1, 1, 0])
    """
    shifts = np.zeros(len(ranges), np.int64)
    whole = ranges.max(initial=0.0) * stretch
    for shift in range(1, limit + 1):
        shifts[(ranges > 0) & (np.ldexp(ranges, shift) <= whole)] = shift
    return shifts
