"""A float network whose MAC layers show their sums before the fused activation."""

from __future__ import annotations

from npusim.layers.base import Layer
from npusim.layers.clip import Clip
from npusim.layers.mac_layer import MacLayer
from npusim.network import Network

_SUMS = ":sums"


def expose_sums(network: Network) -> Network:
    """The same function; the sums of layer L stand in a tensor of their own (see `sums_of`)."""
    layers: list[Layer] = []
    for layer in network.layers:
        if not isinstance(layer, MacLayer):
            layers.append(layer)
            continue
        sums = sums_tensor(layer)
        bare = layer.replace(name=sums, clip=None, caps=None, output=None)
        if layer.caps is None:
            low, high = layer.clip or (None, None)
            activation: Layer = Clip(name=layer.name, inputs=(sums,), output=layer.output, low=low, high=high)
        else:
            activation = layer  # bounds per channel are no layer of their own: it is computed twice
        layers += [bare, activation]
    return network.replace(layers=tuple(layers))


def sums_tensor(layer: Layer) -> str:
    """The tensor in which a layer's sums stand."""
    return f"{layer.name}{_SUMS}"


def sums_of(tensor: str) -> str | None:
    """The layer whose sums a tensor holds; None for any other tensor."""
    return tensor.removesuffix(_SUMS) if tensor.endswith(_SUMS) else None
