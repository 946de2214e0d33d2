"""Give every tensor a range, a scale and a zero point (algorithms.md 1.2, 1.7, 7.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.calibration import observe
from npusim.compiler.data_free import propagate
from npusim.compiler.expected_ranges import Meaning, least_noise_bounds, least_noise_range
from npusim.compiler.noise_gain import noise_gains
from npusim.compiler.quantizers import Symmetry, quantization_of
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.clipping import ClippingLayer
from npusim.layers.fusing import FusingLayer
from npusim.moments import Moments
from npusim.network import Network
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from npusim.steps.average_pool import averages_codes

Vector = npt.NDArray[np.float64]


class RangeMethod(StrEnum):
    """How a tensor's range is found."""

    MIN_MAX = "min_max"
    """The extremes of the calibration data."""
    PERCENTILE = "percentile"
    """Without the outermost values."""
    MSE = "mse"
    """The range whose quantizer errs least on the calibration data."""
    DATA_FREE = "data_free"
    """From batch-norm statistics: mean plus and minus some sigmas."""
    EXPECTED = "expected"
    """From the same: the range whose quantizer is expected to err least, in the network's answers."""


_FREE = (RangeMethod.DATA_FREE, RangeMethod.EXPECTED)


class WithoutData(StrEnum):
    """What to do where a method needs calibration data and there are none."""

    DATA_FREE = "data_free"
    ERROR = "error"


class ActivationRanges(Pass):
    """Ranges of all tensors; layers that only copy codes share their input's.

    Attributes
    ----------
    method
        For tensors inside the network.
    output_method
        For the network's outputs, where clipping would change answers.
    percentile
        For ``percentile``: how many percent of the values the range keeps on each side.
    sigmas
        For ``data_free``: how many sigmas around the mean (6: DFQ). For ``expected`` the same holds of inputs
        and outputs.
    headroom
        Ranges found on calibration data reach so many times as far from zero as the data did, but no further
        than an activation function's bounds. Above 1 for networks that have to tell what they were not
        calibrated on.
    bits
        Of the codes that tensors use: fewer levels in the middle of the datapath's register, held there
        by its clamps. Inputs, outputs and what shares their codes keep all. None: all do.
    batch
        Images run at once through the float network.
    """

    kind: ClassVar[str] = "activation_ranges"

    pass_: Literal["activation_ranges"] = Field("activation_ranges", alias="pass")
    method: RangeMethod = RangeMethod.MSE
    output_method: RangeMethod = RangeMethod.MIN_MAX
    percentile: float = Field(99.99, gt=50, le=100)
    sigmas: float = Field(6.0, gt=0, le=100)
    headroom: float = Field(1.0, ge=1, le=16)
    symmetry: Symmetry = Symmetry.ASYMMETRIC
    without_data: WithoutData = WithoutData.DATA_FREE
    bits: int | None = Field(None, ge=2, le=16)
    batch: int = Field(8, ge=1)

    def run(self, state: Compilation) -> Compilation:
        if self.method not in _FREE and state.calibration is None:
            return self._without_data(state)
        codes = self.codes_of(state.network, state.datapath)
        ranges = self._ranges(state, codes)
        shared = share_ranges(state.network, state.datapath, ranges)
        whole = state.datapath.activation.interval
        quantization = {
            name: self.meaning(low, high, codes[name], state.datapath) for name, (low, high) in shared.items()
        }
        for layer in state.network.ordered_layers:
            keeps = _keeps_codes(layer, state.datapath)
            meaning = quantization[layer.inputs[0]] if keeps else layer.meaning(whole)
            if meaning is not None:
                quantization |= dict.fromkeys(layer.outputs, meaning)
        return state.with_(ranges=shared, quantization=quantization)

    def _without_data(self, state: Compilation) -> Compilation:
        if self.without_data is WithoutData.ERROR:
            raise InputError(f"the method {self.method} needs calibration data", key="calibration")
        free = self.replace(method=RangeMethod.DATA_FREE, output_method=RangeMethod.DATA_FREE)
        ranges = f"data-free (mean +- {self.sigmas:g} sigma), not {self.method}"
        return free.run(state.note(f"no calibration data: activation ranges are {ranges}"))

    def meaning(self, low: float, high: float, codes: Interval, datapath: Datapath) -> Quantization:
        """What the codes of a tensor between two real numbers mean."""
        # Without a field for an output's zero point there is none.
        symmetry = self.symmetry if "y_zero" in datapath.fields else Symmetry.SYMMETRIC
        made = quantization_of(low, high, codes, symmetry)
        return made if codes == datapath.activation.interval else replace(made, codes=codes)

    def codes_of(self, network: Network, datapath: Datapath) -> dict[str, Interval]:
        """The codes that each tensor may use."""
        kind = datapath.activation
        if self.bits is None:
            return dict.fromkeys(network.shapes, kind.interval)
        if self.bits > kind.bits:
            allowed = f"2..{kind.bits}"
            raise InputError(
                f"the activations of {datapath.name} are narrower",
                key="bits",
                found=self.bits,
                allowed=allowed,
            )
        narrow = kind.narrowed(self.bits)
        first = {name: name for name in network.shapes}
        for layer in network.ordered_layers:
            if _keeps_codes(layer, datapath):
                first |= dict.fromkeys(layer.outputs, first[layer.inputs[0]])
        ends = {first[name] for name in (*(x.name for x in network.inputs), *network.outputs)}
        return {name: kind.interval if first[name] in ends else narrow for name in network.shapes}

    def _ranges(self, state: Compilation, used: Mapping[str, Interval]) -> dict[str, tuple[float, float]]:
        network = state.network
        methods = {self.method, self.output_method}
        free = {} if methods.isdisjoint(_FREE) else self._free_ranges(state, used)
        if self.method in _FREE:
            return free
        assert state.calibration is not None
        wanted = methods - {RangeMethod.MIN_MAX, *_FREE}
        seen = observe(network, state.calibration, self.batch, histograms=bool(wanted), tell=state.progress)
        ranges = {}
        bounds = {layer.outputs[0]: _bounds(layer) for layer in network.ordered_layers}
        for name in network.shapes:
            method = self.output_method if name in network.outputs else self.method
            if method in _FREE:
                ranges[name] = free[name]
            elif method is RangeMethod.MIN_MAX or seen.extremes[name].low == seen.extremes[name].high:
                ranges[name] = (seen.extremes[name].low, seen.extremes[name].high)
            elif method is RangeMethod.PERCENTILE:
                ranges[name] = seen.histograms[name].percentile(self.percentile)
            else:
                levels = used[name].high - used[name].low + 1
                ranges[name] = seen.histograms[name].least_squares(levels)
            if method not in _FREE:
                ranges[name] = self._widened(ranges[name], bounds.get(name, _NOWHERE))
        return ranges

    def _widened(self, found: tuple[float, float], bounds: tuple[float, float]) -> tuple[float, float]:
        low, high = found
        return min(low, max(low * self.headroom, bounds[0])), max(high, min(high * self.headroom, bounds[1]))

    def _free_ranges(
        self, state: Compilation, used: Mapping[str, Interval]
    ) -> dict[str, tuple[float, float]]:
        network = state.network
        moments = propagate(network, state.moments)
        gains = noise_gains(network, moments)
        ends = {*(x.name for x in network.inputs), *network.outputs}
        return {
            name: found.range(self.sigmas)
            if name in ends
            else self.free_range(found, gains[name], used[name], state.datapath)
            for name, found in moments.items()
        }

    def free_range(
        self, channels: Moments, gains: Vector, codes: Interval, datapath: Datapath
    ) -> tuple[float, float]:
        """The range of a tensor inside the network, without data.

        Parameters
        ----------
        gains
            What noise of each element of a pixel counts.
        codes
            Those that the tensor may use.
        """
        if self.method is not RangeMethod.EXPECTED:
            return channels.range(self.sigmas)
        weights = gains.reshape(-1, channels.mean.size).sum(axis=0)
        return least_noise_range(channels, weights, codes, self._meaning_of(codes, datapath))

    def free_bounds(self, channels: Moments, codes: Interval, datapath: Datapath) -> Vector:
        """How far from zero such a range for each channel alone would reach."""
        if self.method is RangeMethod.EXPECTED:
            return least_noise_bounds(channels, codes, self._meaning_of(codes, datapath))
        mean, sigma = channels.gaussian
        ends = [
            np.abs(np.clip(mean + side * self.sigmas * sigma, channels.low, channels.high))
            for side in (-1, 1)
        ]
        made: Vector = np.maximum(*ends)
        return made

    def _meaning_of(self, codes: Interval, datapath: Datapath) -> Meaning:
        def meaning(low: float, high: float) -> Quantization:
            return self.meaning(low, high, codes, datapath)

        return meaning


_NOWHERE = (-math.inf, math.inf)


def _bounds(layer: Layer) -> tuple[float, float]:
    """Where a layer's activation function ends."""
    if isinstance(layer, FusingLayer):
        low, high = layer.clip or (None, None)
    elif isinstance(layer, ClippingLayer):
        low, high = layer.bounds
    else:
        return _NOWHERE
    return -math.inf if low is None else low, math.inf if high is None else high


def _keeps_codes(layer: Layer, datapath: Datapath) -> bool:
    return layer.keeps_codes or (layer.averages and averages_codes(datapath))


def share_ranges(
    network: Network, datapath: Datapath, ranges: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Ranges in which a layer that keeps codes has its input's range."""
    shared = dict(ranges)
    for layer in network.ordered_layers:
        if _keeps_codes(layer, datapath):
            shared |= dict.fromkeys(layer.outputs, shared[layer.inputs[0]])
    return shared
