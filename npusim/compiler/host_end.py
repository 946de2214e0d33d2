"""Networks whose last layers a datapath does not compute: the program ends before them (W8)."""

from __future__ import annotations

from npusim.datapath import Datapath
from npusim.layers.base import Layer
from npusim.layers.host import HostLayer
from npusim.layers.reshaping import ReshapingLayer
from npusim.layers.transpose import Transpose
from npusim.network import Network


def without_host_end(network: Network, datapath: Datapath) -> tuple[Network, tuple[str, ...]]:
    """The network that ends before what only the host can compute, and notes on what was left out.

    A softmax at the end changes no order, a vector's length no direction: what they read is as good an
    answer. Layers that only reshape what they make are left out with them.
    """
    notes: dict[str, str] = {}
    outputs: list[str] = []
    for output in network.outputs:
        tensor = output
        while (layer := _last_on_host(network, datapath, tensor)) is not None:
            (tensor,) = layer.inputs
            notes[layer.name] = (
                f"{layer.kind} {layer.name} is left to the host: the program ends before it, with {tensor}"
            )
        outputs.append(tensor)
    if not notes:
        return network, ()
    kept = _needed(network, outputs)
    return network.replace(layers=kept, outputs=tuple(dict.fromkeys(outputs))), tuple(notes.values())


def _last_on_host(network: Network, datapath: Datapath, output: str) -> HostLayer | None:
    """The layer for the host behind which an output is only reshaped."""
    layer = network.producers.get(output)
    while isinstance(layer, (ReshapingLayer, Transpose)):
        layer = network.producers.get(layer.inputs[0])
    if not isinstance(layer, HostLayer) or layer.inputs[0] not in network.producers:
        return None
    return None if layer.computed_on(datapath, network.shapes[layer.inputs[0]]) else layer


def _needed(network: Network, outputs: list[str]) -> tuple[Layer, ...]:
    """The layers that the outputs depend on."""
    wanted = set(outputs)
    for layer in reversed(network.ordered_layers):
        if wanted.intersection(layer.outputs):
            wanted |= set(layer.inputs)
    return tuple(layer for layer in network.layers if wanted.intersection(layer.outputs))
