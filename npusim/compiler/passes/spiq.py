"""SPIQ: data-free per-channel static input ranges (arXiv 2203.14642; algorithms.md 6)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import Chain, find_chains, scale_inputs, scale_outputs, tensors_of
from npusim.compiler.data_free import propagate
from npusim.compiler.passes.quantize_weights import shift_scaler
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments

Vector = npt.NDArray[np.float64]
Alpha = Annotated[float, Field(ge=0, le=1)]


class Spiq(Pass):
    """Give every channel of a tensor its own input scale, folded into the weights on both sides.

    A scale per *input* channel cannot leave the sum over channels, so it is folded: the producer's
    channel i is divided by ``t = (hi / max hi) ** alpha``, the consumer's weights that read it are
    multiplied by t, and one scale for the tensor serves all channels (route F). `hi` is the data-free
    bound ``mean + sigmas * sigma`` of the channel.

    Folding moves the spread into the weights. Each tensor takes the exponent that leaves the least
    expected noise of both: 0 leaves it alone, which is what adds and concats, whose branches share a
    scale, always get. The multiplier of sigma and the exponent are our reading: the paper's text was not
    available.

    Attributes
    ----------
    sigmas
        How far above the mean a channel's bound lies.
    alphas
        The exponents to choose from.
    """

    kind: ClassVar[str] = "spiq"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["spiq"] = Field("spiq", alias="pass")
    sigmas: float = Field(6.0, gt=0, le=100)
    alphas: Annotated[tuple[Alpha, ...], Field(min_length=1)] = (0.0, 0.25, 0.5, 0.75, 1.0)

    def run(self, state: Compilation) -> Compilation:
        layers: dict[str, Layer] = {layer.name: layer for layer in state.network.layers}
        moments, factors = dict(state.moments), dict(state.factors)
        expected = propagate(state.network, state.moments)
        folded = 0
        for chain in find_chains(state.network):
            producer, consumer = layers[chain.producer], layers[chain.consumer]
            assert isinstance(producer, MacLayer)
            assert isinstance(consumer, MacLayer)
            tensor = producer.outputs[0]
            scales = self._scales(state, expected[tensor], consumer, chain)
            if (scales == 1).all():
                continue
            folded += 1
            layers[producer.name] = scale_outputs(producer, 1 / scales)
            layers[consumer.name] = scale_inputs(consumer, np.tile(scales, chain.repeats))
            if tensor in moments:
                moments[tensor] = moments[tensor].scaled(1 / scales)
            for name in tensors_of(state.network, chain):
                channels = state.network.shapes[name][-1] // len(scales)
                factors[name] = np.tile(scales, channels) * factors.get(name, 1.0)
        state = state.with_(
            network=state.network.replace(layers=tuple(layers.values())), moments=moments, factors=factors
        )
        return state.note(f"{folded} tensors have input scales per channel, folded into weights")

    def _scales(self, state: Compilation, x: Moments, consumer: MacLayer, chain: Chain) -> Vector:
        """The producer's divisors at the exponent that leaves the least noise."""
        bounds = self._bounds(x)
        whole = bounds.max()
        if whole <= 0:
            return np.ones_like(bounds)
        # A dead channel needs no resolution: it takes the smallest scale there is.
        shares = bounds / whole
        shares = np.where(shares > 0, shares, shares[shares > 0].min())
        best = min(self.alphas, key=lambda alpha: self._noise(state, shares**alpha, x, consumer, chain))
        made: Vector = shares**best
        return made

    def _bounds(self, x: Moments) -> Vector:
        mean, sigma = x.gaussian
        high = np.abs(np.clip(mean + self.sigmas * sigma, x.low, x.high))
        low = np.abs(np.clip(mean - self.sigmas * sigma, x.low, x.high))
        made: Vector = np.maximum(high, low)
        return made

    def _noise(
        self, state: Compilation, scales: Vector, x: Moments, consumer: MacLayer, chain: Chain
    ) -> float:
        """Expected squared error of the consumer's sums: rounded inputs, then rounded weights (6.5)."""
        codes = state.datapath.activation.interval
        step = float((self._bounds(x) / scales).max()) / (codes.high - codes.low)
        weights = scale_inputs(consumer, np.tile(scales, chain.repeats)).weights
        rounded_inputs = step**2 / 12 * float(np.sum(weights**2))
        power = np.tile((x.variance + x.mean**2) / scales**2, chain.repeats)
        errors = (_rounded(weights, state) - weights) ** 2
        taps = errors.reshape(consumer.output_channels, -1, errors.shape[-1]).sum(axis=1)
        return rounded_inputs + float(np.sum(taps * consumer.input_channels(power)))


def _rounded(weights: Vector, state: Compilation) -> Vector:
    """Weights as the shift scaler would round them on this datapath."""
    greatest = state.datapath.weight.interval.high
    ranges = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    if ranges.max() == 0:
        return weights
    shifts = shift_scaler(ranges, state.datapath.inverse_shift_max)
    shape = (-1, *[1] * (weights.ndim - 1))
    unit = np.ldexp(ranges.max() / greatest, -shifts).reshape(shape)
    made: Vector = np.rint(weights / unit) * unit
    return made
