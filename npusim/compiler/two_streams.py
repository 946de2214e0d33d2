"""A network as two: one of the first order of its weights, one that carries what the second order adds."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.compiler.base import Vector
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.concat import Concat
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.mac_layer import MacLayer
from npusim.layers.mean import Mean
from npusim.layers.reshaping import ReshapingLayer
from npusim.layers.slice import Slice
from npusim.network import Network

_LINEAR: tuple[type[Layer], ...] = (Add, AvgPool2d, Concat, GlobalAvgPool, Mean, ReshapingLayer, Slice)
"""Layers that both streams go through, each for itself."""


def split_streams(network: Network, first: Mapping[str, Vector], second: Mapping[str, Vector]) -> Network:
    """The network with each tensor as a sum of two, up to where the sum is taken.

    Parameters
    ----------
    first, second
        Weights by layer: A and B of ``A h + b`` and ``A r + B h``.
    """
    streams = _Streams(network, first, second)
    for layer in network.ordered_layers:
        streams.add(layer)
    for name in network.outputs:
        streams.end(name)
    return network.replace(layers=tuple(streams.layers.values()))


class _Streams:
    def __init__(self, network: Network, first: Mapping[str, Vector], second: Mapping[str, Vector]) -> None:
        self._network, self._first, self._second = network, first, second
        self.layers: dict[str, Layer] = {}
        self._residual: dict[str, str] = {}
        self._whole: dict[str, str] = {}

    def add(self, layer: Layer) -> None:
        """One layer, in both streams or on their sum."""
        if isinstance(layer, MacLayer):
            self._weighted(layer)
        elif isinstance(layer, _LINEAR) and all(x in self._residual for x in layer.inputs):
            (y,) = layer.outputs
            self._keep(layer)
            inputs = tuple(self._residual[x] for x in layer.inputs)
            self._residual[y] = self._keep(_renamed(layer, f"{layer.name}.residual", inputs))
        else:
            self._keep(layer.replace(inputs=tuple(self._sum(x) for x in layer.inputs)))

    def end(self, output: str) -> None:
        """Sum the streams of an output; the sum takes its name."""
        if output not in self._residual:
            return
        maker = next(layer for layer in self.layers.values() if output in layer.outputs)
        moved = f"{output}.first"
        self.layers[maker.name] = maker.replace(output=moved)
        for name, layer in self.layers.items():
            if output in layer.inputs:
                inputs = tuple(moved if x == output else x for x in layer.inputs)
                self.layers[name] = layer.replace(inputs=inputs)
        self._keep(Add(name=f"{output}.sum", inputs=(moved, self._residual[output]), output=output))

    def _weighted(self, layer: MacLayer) -> None:
        (x,), (y,) = layer.inputs, layer.outputs
        one, two = self._first[layer.name], self._second[layer.name]
        name = f"{layer.name}.residual"
        self._keep(layer.replace(weights=one))
        bare = layer.replace(bias=None, caps=None)
        if x not in self._residual:
            self._residual[y] = self._keep(_renamed(bare.replace(weights=two), name, (x,)))
            return
        bare = bare.replace(clip=None)
        parts = (
            self._keep(_renamed(bare.replace(weights=one), f"{name}.first", (self._residual[x],))),
            self._keep(_renamed(bare.replace(weights=two), f"{name}.second", (x,))),
        )
        self._residual[y] = self._keep(Add(name=name, inputs=parts, clip=layer.clip))

    def _sum(self, tensor: str) -> str:
        """The tensor itself: the sum of both streams, taken once."""
        if tensor in self._residual and tensor not in self._whole:
            inputs = (tensor, self._residual[tensor])
            self._whole[tensor] = self._keep(Add(name=f"{tensor}.whole", inputs=inputs))
        return self._whole.get(tensor, tensor)

    def _keep(self, layer: Layer) -> str:
        self.layers[layer.name] = layer
        return layer.outputs[0]


def _renamed(layer: Layer, name: str, inputs: tuple[str, ...]) -> Layer:
    return layer.replace(name=name, inputs=inputs, output=None)
