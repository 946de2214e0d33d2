"""Layers that the hardware computes as several: taken apart before any pass sees them."""

from __future__ import annotations

from npusim.layers.base import Layer
from npusim.layers.prelu import Prelu
from npusim.network import Network


def in_parts(network: Network) -> Network:
    """The same function without layers that are several: prelu with a slope per channel.

    The parts are ordinary layers, so that every pass treats them as such: their weights are quantized,
    the tensors between them have ranges of their own.
    """
    layers: list[Layer] = []
    for layer in network.layers:
        layers += layer.parts(network.shapes[layer.inputs[0]]) if isinstance(layer, Prelu) else (layer,)
    return network if len(layers) == len(network.layers) else network.replace(layers=tuple(layers))
