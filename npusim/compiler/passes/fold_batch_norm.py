"""Fold batch norms into the layers before them; keep what they knew (algorithms.md 1.3)."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.layers.base import Layer
from npusim.layers.batch_norm import BatchNorm
from npusim.layers.channel_gain import channel_gain
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments
from npusim.network import Network

_DEAD_WEIGHT = 1e-10


class DeadChannels(StrEnum):
    """What becomes of channels that emit a constant."""

    EMPTY = "empty"
    """Their weights become zero, their bias what they emit."""
    KEEP = "keep"
    """They are folded like any other: hardly any variance makes huge weights that do nothing."""


class FoldBatchNorm(Pass):
    """Batch norms disappear into weights and biases.

    A batch norm whose input comes from a layer with weights that nobody else reads is folded into
    it; any other becomes a depthwise layer of its own. Mean (beta) and sigma (abs gamma) of every
    channel are kept for later passes, under the name of the tensor that the batch norm made.

    Attributes
    ----------
    dead_channels
        What becomes of dead channels. Kept ones ruin a scale that the layer's channels share.
    dead_variance
        A channel whose running variance is below this fraction of the layer's median variance emits
        a constant, beta: it is dead.
    """

    kind: ClassVar[str] = "fold_batch_norm"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["fold_batch_norm"] = Field("fold_batch_norm", alias="pass")
    dead_channels: DeadChannels = DeadChannels.EMPTY
    dead_variance: float = Field(1e-6, ge=0)

    def run(self, state: Compilation) -> Compilation:
        network = state.network
        moments = dict(state.moments)
        layers: dict[str, Layer] = {layer.name: layer for layer in network.layers}
        dead = 0
        for norm in [layer for layer in network.ordered_layers if isinstance(layer, BatchNorm)]:
            producer = _foldable(network, norm)
            if producer is None:
                layers[norm.name] = _standalone(network, norm)
            else:
                made, channels = self._fold(layers[producer.name], norm)
                layers[producer.name] = made
                del layers[norm.name]
                dead += channels
            moments[norm.outputs[0]] = Moments.normal(norm.beta, np.abs(norm.gamma))
        state = state.with_(network=network.replace(layers=tuple(layers.values())), moments=moments)
        return state.note(f"{dead} dead channels were emptied") if dead else state

    def _fold(self, layer: Layer, norm: BatchNorm) -> tuple[Layer, int]:
        assert isinstance(layer, MacLayer)
        gain = norm.gain()
        weights = layer.weights.astype(np.float64) * gain.reshape(-1, *[1] * (layer.weights.ndim - 1))
        bias = norm.beta + (layer.real_bias - norm.mean) * gain
        dead = 0
        if self.dead_channels is DeadChannels.EMPTY:
            constant = self._constant(norm)
            weights[constant], bias = 0.0, np.where(constant, norm.beta, bias)
            empty = _ranges(weights) < _DEAD_WEIGHT
            weights[empty] = 0.0
            dead = int(np.count_nonzero(constant | empty))
        folded = layer.replace(weights=weights, bias=bias.astype(np.float64), output=norm.outputs[0])
        return folded, dead

    def _constant(self, norm: BatchNorm) -> npt.NDArray[np.bool_]:
        variance = np.asarray(norm.variance, np.float64)
        made: npt.NDArray[np.bool_] = variance < self.dead_variance * np.median(variance)
        return made


def _foldable(network: Network, norm: BatchNorm) -> MacLayer | None:
    (tensor,) = norm.inputs
    producer = network.producers.get(tensor)
    alone = len(network.readers[tensor]) == 1 and tensor not in network.outputs
    return producer if alone and isinstance(producer, MacLayer) and producer.clip is None else None


def _standalone(network: Network, norm: BatchNorm) -> Layer:
    """The batch norm as a layer with weights: one tap per channel."""
    gain = norm.gain()
    offset = norm.beta - norm.mean * gain
    (tensor,) = norm.inputs
    return channel_gain(norm.name, tensor, network.shapes[tensor], gain, offset, norm.output)


def _ranges(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    made: npt.NDArray[np.float64] = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    return made
