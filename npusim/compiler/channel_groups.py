"""Channels that can be scaled, and which of them only together (algorithms.md 2.2, 6.4).

Scales belong to tensors: every layer with weights that reads one folds the same vector, every one that
makes one folds its inverse. An add ties the channels of its operands and of its result, a concat each
input's to its part of the result; pools, pads and copies hand them on. Whatever does not commute with a
scale holds the channels that it touches, as the network's inputs and outputs do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.compiler.chains import homogeneous
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.clipping import ClippingLayer
from npusim.layers.concat import Concat
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.mac_layer import MacLayer
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.layers.resize import Resize
from npusim.layers.sub import Sub
from npusim.network import Network

Indices = npt.NDArray[np.int64]

_COPIES = (MaxPool2d, AvgPool2d, GlobalAvgPool, Flatten, Resize)


@dataclass(frozen=True)
class ChannelGroup:
    """Tensors whose channels are scaled together.

    Attributes
    ----------
    places
        By tensor the place of each channel's scale in the group's vector; -1: the channel is held.
    size
        The length of that vector.
    producers, consumers
        The layers with weights that make and that read tensors of the group.
    """

    places: dict[str, Indices]
    size: int
    producers: tuple[str, ...]
    consumers: tuple[str, ...]

    def of(self, tensor: str, scales: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """A tensor's scales, 1 for held channels, from the group's vector."""
        places = self.places[tensor]
        made: npt.NDArray[np.float64] = np.where(places < 0, 1.0, scales[np.maximum(places, 0)])
        return made


def find_groups(network: Network) -> list[ChannelGroup]:
    """All groups that have channels to scale, in execution order of their first tensor."""
    ties = _Ties(network)
    for layer in network.ordered_layers:
        ties.add(layer)
    for name in (*(x.name for x in network.inputs), *network.outputs):
        ties.hold(name)
    return [group for group in _grouped(network, ties.classes()) if group.size]


class _Ties:
    """Channels of all tensors, and which of them have one scale; 0 is that of held ones."""

    def __init__(self, network: Network) -> None:
        self._network = network
        first, self._first = 1, {}
        for name, shape in network.shapes.items():
            self._first[name] = first
            first += shape[-1]
        self._parents = list(range(first))

    def add(self, layer: Layer) -> None:
        """What one layer ties together or holds."""
        if isinstance(layer, MacLayer):
            if not homogeneous(layer.clip):
                self.hold(layer.outputs[0])
        else:
            ties = self._tied(layer)
            if ties is None:
                for name in (*layer.inputs, *layer.outputs):
                    self.hold(name)
            else:
                for one, other in ties:
                    self._tie(one, other)

    def hold(self, tensor: str) -> None:
        """A tensor keeps its scale."""
        for node in self._nodes(tensor):
            self._tie(0, node)

    def classes(self) -> dict[str, list[int]]:
        """For each tensor the class of each channel, 0: held."""
        held = self._root(0)
        return {
            name: [0 if root == held else root for root in map(self._root, self._nodes(name))]
            for name in self._network.shapes
        }

    def _tied(self, layer: Layer) -> list[tuple[int, int]] | None:
        """Pairs of channels with one scale; None if the layer does not commute with any."""
        (y,) = (self._nodes(name) for name in layer.outputs[:1])
        inputs = [self._nodes(name) for name in layer.inputs]
        if isinstance(layer, (Add, Sub)):
            alike = all(len(x) == len(y) for x in inputs)
            return (
                [pair for x in inputs for pair in zip(x, y, strict=True)]
                if alike and homogeneous(layer.clip)
                else None
            )
        if isinstance(layer, Concat):
            behind = [node for x in inputs for node in x]
            if len(behind) == len(y):
                return list(zip(behind, y, strict=True))
            alike = all(len(x) == len(y) for x in inputs)
            return [pair for x in inputs for pair in zip(x, y, strict=True)] if alike else None
        if isinstance(layer, _COPIES) or _transparent(layer, len(inputs[0]) == len(y)):
            repeats, rest = divmod(len(y), len(inputs[0]))
            return None if rest else list(zip(list(inputs[0]) * repeats, y, strict=True))
        return None

    def _nodes(self, tensor: str) -> Sequence[int]:
        first = self._first[tensor]
        return range(first, first + self._network.shapes[tensor][-1])

    def _root(self, node: int) -> int:
        while self._parents[node] != node:
            self._parents[node] = self._parents[self._parents[node]]
            node = self._parents[node]
        return node

    def _tie(self, one: int, other: int) -> None:
        a, b = self._root(one), self._root(other)
        self._parents[max(a, b)] = min(a, b)


def _transparent(layer: Layer, alike: bool) -> bool:
    if isinstance(layer, ClippingLayer):
        return homogeneous(layer.bounds)
    return isinstance(layer, Pad) and layer.value == 0 and alike


def _grouped(network: Network, classes: dict[str, list[int]]) -> Iterator[ChannelGroup]:
    """Tensors that share classes, together."""
    owners: dict[int, str] = {}
    group_of: dict[str, list[str]] = {}
    for name, found in classes.items():
        group = group_of[name] = [name]
        for one in dict.fromkeys(found):
            if one and one in owners and group_of[owners[one]] is not group:
                other = group_of[owners[one]]
                group = other + group
                for member in group:
                    group_of[member] = group
            if one:
                owners[one] = name
    for name, members in group_of.items():
        if members[0] == name:
            yield _group(network, members, classes)


def _group(network: Network, members: list[str], classes: dict[str, list[int]]) -> ChannelGroup:
    numbers: dict[int, int] = {}
    for name in members:
        for one in classes[name]:
            if one:
                numbers.setdefault(one, len(numbers))
    inside = set(members)
    macs = [layer for layer in network.ordered_layers if isinstance(layer, MacLayer)]
    return ChannelGroup(
        places={
            name: np.array([numbers.get(one, -1) for one in classes[name]], np.int64) for name in members
        },
        size=len(numbers),
        producers=tuple(layer.name for layer in macs if layer.outputs[0] in inside),
        consumers=tuple(layer.name for layer in macs if layer.inputs[0] in inside),
    )
