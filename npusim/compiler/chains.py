"""Chains of layers through which a channel's scale can be moved (algorithms.md 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.clipping import ClippingLayer
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.lowering import Clip
from npusim.layers.mac_layer import MacLayer
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.network import Network

Vector = npt.NDArray[np.float64]

_TRANSPARENT = (MaxPool2d, AvgPool2d, GlobalAvgPool, Flatten)


@dataclass(frozen=True)
class Chain:
    """A producer whose channels only one consumer reads, and the layers between the two.

    Attributes
    ----------
    repeats
        How often the consumer sees the producer's channels side by side (after a flatten).
    """

    producer: str
    between: tuple[str, ...]
    consumer: str
    repeats: int


def find_chains(network: Network) -> list[Chain]:
    """All chains, in execution order of their producers.

    Branches end a chain: every tensor inside it has one reader and is no output of the network. The
    activation functions inside must be homogeneous, ``f(s * x) = s * f(x)``.
    """
    chains = []
    for layer in network.ordered_layers:
        if isinstance(layer, MacLayer) and homogeneous(layer.clip):
            chain = _follow(network, layer)
            if chain is not None:
                chains.append(chain)
    return chains


def tensors_of(network: Network, chain: Chain) -> list[str]:
    """The tensors inside a chain: they carry the producer's channels."""
    layers = {layer.name: layer for layer in network.layers}
    return [layers[name].outputs[0] for name in (chain.producer, *chain.between)]


def homogeneous(clip: Clip | None) -> bool:
    """Whether an activation commutes with positive scales: none, or a ReLU."""
    return clip is None or clip in {(None, None), (0, None)}


def _follow(network: Network, producer: MacLayer) -> Chain | None:
    tensor = producer.outputs[0]
    between: list[str] = []
    while tensor not in network.outputs and len(network.readers[tensor]) == 1:
        reader = network.readers[tensor][0]
        if isinstance(reader, MacLayer):
            channels = network.shapes[tensor][-1]
            return Chain(producer.name, tuple(between), reader.name, channels // producer.output_channels)
        if not transparent(reader):
            return None
        between.append(reader.name)
        tensor = reader.outputs[0]
    return None


def transparent(layer: Layer) -> bool:
    """Whether a layer hands on channels, and scales of them, as they are."""
    if isinstance(layer, ClippingLayer):
        return homogeneous(layer.bounds)
    return isinstance(layer, _TRANSPARENT) or (isinstance(layer, Pad) and layer.value == 0)


def output_ranges(layer: MacLayer) -> Vector:
    """r1: the greatest weight of each output channel."""
    made: Vector = np.abs(layer.weights.astype(np.float64)).reshape(layer.output_channels, -1).max(axis=1)
    return made


def input_ranges(layer: MacLayer, channels: int) -> Vector:
    """r2: the greatest weight that reads each input channel, over all outputs and taps."""
    weights = np.abs(layer.weights.astype(np.float64))
    taps = weights.reshape(layer.output_channels, -1, weights.shape[-1]).max(axis=1)
    ranges = np.zeros(channels)
    np.maximum.at(ranges, layer.input_channels(np.arange(channels, dtype=np.float64)).astype(np.int64), taps)
    return ranges


def scale_outputs(layer: MacLayer, scales: Vector) -> MacLayer:
    """The layer with output channel o multiplied by ``scales[o]``."""
    shape = (-1, *[1] * (layer.weights.ndim - 1))
    return layer.replace(
        weights=layer.weights.astype(np.float64) * scales.reshape(shape),
        bias=layer.real_bias.astype(np.float64) * scales,
        caps=None if layer.caps is None else layer.caps * scales,
    )


def scale_inputs(layer: MacLayer, scales: Vector) -> MacLayer:
    """The layer as it reads inputs whose channel i was divided by ``scales[i]``."""
    gains = layer.input_channels(scales)
    shape = (layer.output_channels, *[1] * (layer.weights.ndim - 2), -1)
    return layer.replace(weights=layer.weights.astype(np.float64) * gains.reshape(shape))
