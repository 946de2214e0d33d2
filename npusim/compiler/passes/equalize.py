"""Cross-layer equalization (DFQ, arXiv 1906.04721; algorithms.md 2.2)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import (
    Chain,
    find_chains,
    input_ranges,
    output_ranges,
    scale_inputs,
    scale_outputs,
    tensors_of,
)
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments

Vector = npt.NDArray[np.float64]


class Equalize(Pass):
    """Scale channels between layers until both sides' weights have equal ranges.

    For a producer's channel i with greatest weight r1 and greatest reading weight r2 the channel is
    divided by ``sqrt(r1 / r2)``; sweeps over all chains go on until nothing moves. The function is
    unchanged. A bounded activation ends a chain: `open_relu6` says what else can become of it.

    Attributes
    ----------
    sweeps, tolerance
        Stop after so many sweeps, or when no scale differs from 1 by more than this, in octaves.
    """

    kind: ClassVar[str] = "equalize"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["equalize"] = Field("equalize", alias="pass")
    sweeps: int = Field(40, ge=1, le=1000)
    tolerance: float = Field(0.01, gt=0)

    def run(self, state: Compilation) -> Compilation:
        chains = find_chains(state.network)
        layers: dict[str, Layer] = {layer.name: layer for layer in state.network.layers}
        totals = self._equalize(layers, chains)
        return state.with_(
            network=state.network.replace(layers=tuple(layers.values())),
            moments=_scaled_moments(state, layers, totals),
            factors={**state.factors, **_factors(state, chains, totals)},
        )

    def _equalize(self, layers: dict[str, Layer], chains: list[Chain]) -> dict[str, Vector]:
        """Scale in place until nothing moves; returns what each producer's channels were divided by."""
        totals = {chain.producer: np.ones(_mac(layers, chain.producer).output_channels) for chain in chains}
        for _ in range(self.sweeps):
            moved = 0.0
            for chain in chains:
                scales = _scales(layers, chain)
                producer, consumer = _mac(layers, chain.producer), _mac(layers, chain.consumer)
                layers[chain.producer] = scale_outputs(producer, 1 / scales)
                layers[chain.consumer] = scale_inputs(consumer, np.tile(scales, chain.repeats))
                totals[chain.producer] *= scales
                moved = max(moved, float(np.abs(np.log2(scales)).max()))
            if moved < self.tolerance:
                break
        return totals


def _scales(layers: dict[str, Layer], chain: Chain) -> Vector:
    """S = sqrt(r1 / r2) per channel; 1 where either range is zero."""
    producer, consumer = _mac(layers, chain.producer), _mac(layers, chain.consumer)
    first = output_ranges(producer)
    second = input_ranges(consumer, len(first) * chain.repeats).reshape(chain.repeats, -1).max(axis=0)
    ratio = np.divide(first, second, out=np.ones_like(first), where=(first > 0) & (second > 0))
    made: Vector = np.sqrt(ratio)
    return made


def _scaled_moments(
    state: Compilation, layers: dict[str, Layer], totals: dict[str, Vector]
) -> dict[str, Moments]:
    moments = dict(state.moments)
    for name, scales in totals.items():
        layer = _mac(layers, name)
        tensor = layer.outputs[0]
        if tensor in moments:
            mean, sigma = moments[tensor].gaussian
            moments[tensor] = layer.activated(Moments.normal(mean / scales, sigma / scales))
    return moments


def _factors(state: Compilation, chains: list[Chain], totals: dict[str, Vector]) -> dict[str, Vector]:
    """What every scaled tensor must be multiplied by to be what it was."""
    factors = {}
    for chain in chains:
        for tensor in tensors_of(state.network, chain):
            channels = state.network.shapes[tensor][-1]
            scales = np.tile(totals[chain.producer], channels // len(totals[chain.producer]))
            factors[tensor] = scales * state.factors.get(tensor, 1.0)
    return factors


def _mac(layers: dict[str, Layer], name: str) -> MacLayer:
    layer = layers[name]
    assert isinstance(layer, MacLayer)
    return layer
