"""Fuse clipping activations into the rescale of the layer before them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.layers.base import Layer
from npusim.layers.clipping import ClippingLayer
from npusim.layers.fusing import FusingLayer
from npusim.network import Network


class FuseActivations(Pass):
    """relu, relu6 and clip become the bounds of a clamp that the hardware has anyway.

    Only where nobody else reads the tensor in between; elsewhere the activation stays a step.
    """

    kind: ClassVar[str] = "fuse_activations"

    pass_: Literal["fuse_activations"] = Field("fuse_activations", alias="pass")

    def run(self, state: Compilation) -> Compilation:
        network = state.network
        layers: dict[str, Layer] = {layer.name: layer for layer in network.layers}
        moments = dict(state.moments)
        for activation in network.ordered_layers:
            if not isinstance(activation, ClippingLayer):
                continue
            producer = _fusable(network, activation)
            # a producer that is an activation itself may have been fused already
            fused = None if producer is None else layers.get(producer.name)
            if isinstance(fused, FusingLayer) and fused.clip is None:
                (before,), (after,) = activation.inputs, activation.outputs
                layers[fused.name] = fused.replace(clip=activation.bounds, output=after)
                del layers[activation.name]
                if before in moments:
                    moments[after] = moments.pop(before).clipped(*activation.bounds)
        return state.with_(network=network.replace(layers=tuple(layers.values())), moments=moments)


def _fusable(network: Network, activation: ClippingLayer) -> Layer | None:
    (tensor,) = activation.inputs
    alone = len(network.readers[tensor]) == 1 and tensor not in network.outputs
    return network.producers.get(tensor) if alone else None
