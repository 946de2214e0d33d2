"""Bounded activations that would end a chain (algorithms.md 2.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import find_chains
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments
from npusim.network import Network


class Opening(StrEnum):
    """What becomes of a bounded ReLU."""

    REPLACE = "replace"
    """A ReLU: DFQ's choice. The function changes where values exceed the bound."""
    CAP = "cap"
    """A ReLU with an upper bound per channel, which moves with the channel's scale: the datapath needs a
    `high` per channel. The function stays."""


class OpenRelu6(Pass):
    """Make bounded ReLUs homogeneous, so that channels can be scaled through them.

    Only where a chain would go on behind them; others stay as they are.
    """

    kind: ClassVar[str] = "open_relu6"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["open_relu6"] = Field("open_relu6", alias="pass")
    mode: Opening

    def run(self, state: Compilation) -> Compilation:
        bounds = _bounds_in_chains(state.network)
        if bounds and self.mode is Opening.CAP and not state.datapath.per_channel("high"):
            raise InputError(
                f"the datapath {state.datapath.name} has one upper clamp per layer",
                key="fields.high.per",
                found="layer",
                allowed="channel, for capped ReLU6",
            )
        opened = _open(state.network, bounds)
        if self.mode is Opening.REPLACE:
            moments = _unbounded(state, bounds)
            state = state.with_(network=opened, moments=moments)
            return state.note(f"{len(bounds)} ReLU6 became ReLUs") if bounds else state
        return state.with_(network=opened.replace(layers=tuple(_capped(x, bounds) for x in opened.layers)))


def _bounds_in_chains(network: Network) -> dict[str, float]:
    """The upper bound of every bounded ReLU that alone ends a chain."""
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


def _capped(layer: Layer, bounds: dict[str, float]) -> Layer:
    if layer.name not in bounds or not isinstance(layer, MacLayer):
        return layer
    return layer.replace(caps=np.full(layer.output_channels, bounds[layer.name]))


def _unbounded(state: Compilation, bounds: dict[str, float]) -> dict[str, Moments]:
    """Moments without the upper bounds that were given up."""
    moments = dict(state.moments)
    for layer in state.network.layers:
        tensor = layer.outputs[0]
        if layer.name in bounds and tensor in moments:
            moments[tensor] = Moments.normal(*moments[tensor].gaussian).clipped(0.0, None)
    return moments
