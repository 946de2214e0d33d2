"""Cross-layer equalization (DFQ, arXiv 1906.04721; algorithms.md 2.2, 2.5)."""

from __future__ import annotations

from enum import StrEnum
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
)
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments
from npusim.network import Network

Vector = npt.NDArray[np.float64]


class Relu6(StrEnum):
    """What becomes of a ReLU6 between two layers that are equalized."""

    REPLACE = "replace"
    """A ReLU: the paper's choice. The function changes where values exceed 6."""
    CAP = "cap"
    """Its bound moves with each channel's scale: the datapath needs a `high` per channel."""
    LEAVE = "leave"
    """The chain is not equalized."""


class Equalize(Pass):
    """Scale channels between layers until both sides' weights have equal ranges.

    For a producer's channel i with greatest weight r1 and greatest reading weight r2 the channel is
    divided by ``sqrt(r1 / r2)``; sweeps over all chains go on until nothing moves. The function is
    unchanged but for what `relu6` says.

    Attributes
    ----------
    sweeps, tolerance
        Stop after so many sweeps, or when no scale differs from 1 by more than this, in octaves.
    """

    kind: ClassVar[str] = "equalize"

    pass_: Literal["equalize"] = Field("equalize", alias="pass")
    relu6: Relu6 = Relu6.REPLACE
    sweeps: int = Field(40, ge=1, le=1000)
    tolerance: float = Field(0.01, gt=0)

    def run(self, state: Compilation) -> Compilation:
        bounds = {} if self.relu6 is Relu6.LEAVE else _bounds_in_chains(state.network)
        self._check(state, bounds)
        network = _open(state.network, bounds)
        chains = find_chains(network)
        layers: dict[str, Layer] = {layer.name: layer for layer in network.layers}
        totals = self._equalize(layers, chains)
        if self.relu6 is Relu6.CAP:
            for name, bound in bounds.items():
                layers[name] = layers[name].replace(caps=bound / totals[name])
        state = state.with_(
            network=network.replace(layers=tuple(layers.values())),
            moments=_scaled_moments(state, layers, totals),
            factors={**state.factors, **_factors(state, chains, totals)},
        )
        if bounds and self.relu6 is Relu6.REPLACE:
            state = state.note(f"{len(bounds)} ReLU6 became ReLUs so that their channels could be scaled")
        return state

    def _check(self, state: Compilation, bounds: dict[str, float]) -> None:
        if bounds and self.relu6 is Relu6.CAP and not state.datapath.per_channel("high"):
            raise InputError(
                f"the datapath {state.datapath.name} has one upper clamp per layer",
                key="fields.high.per",
                found="layer",
                allowed="channel, for capped ReLU6",
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


def _bounds_in_chains(network: Network) -> dict[str, float]:
    """The upper bound of every bounded ReLU that alone keeps its layer from being equalized."""
    bounds = {
        layer.name: layer.clip[1]
        for layer in network.layers
        if isinstance(layer, MacLayer) and layer.clip is not None and layer.clip[0] == 0 and layer.clip[1]
    }
    starts = {chain.producer for chain in find_chains(_open(network, bounds))}
    return {name: bound for name, bound in bounds.items() if name in starts}


def _open(network: Network, bounds: dict[str, float]) -> Network:
    return network.replace(
        layers=tuple(
            layer.replace(clip=(0.0, None)) if layer.name in bounds else layer for layer in network.layers
        )
    )


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
    producers = {layer.name: layer for layer in state.network.layers}
    factors = {}
    for chain in chains:
        for name in (chain.producer, *chain.between):
            tensor = producers[name].outputs[0]
            channels = state.network.shapes[tensor][-1]
            scales = np.tile(totals[chain.producer], channels // len(totals[chain.producer]))
            factors[tensor] = scales * state.factors.get(tensor, 1.0)
    return factors


def _mac(layers: dict[str, Layer], name: str) -> MacLayer:
    layer = layers[name]
    assert isinstance(layer, MacLayer)
    return layer
