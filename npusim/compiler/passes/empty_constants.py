"""Channels that always hold one value leave the multiplications (algorithms.md 1.3, dead channels)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import input_ranges
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer

Vector = npt.NDArray[np.float64]


class EmptyConstants(Pass):
    """Weights that read a constant become zero; what they added joins the bias.

    A channel whose weights are all zero holds its activated bias, always. Training leaves such channels
    behind, and huge weights that read them: they do nothing but stretch the scale that they share with the
    layer's other weights, and equalization cannot shrink them, as a range of zero has no ratio. Where batch
    norms are still there, `fold_batch_norm` finds dead channels by their variance; this pass needs no
    statistics and changes no value of any tensor.

    A layer that pads reads zeros around the image: there only channels that hold zero are emptied. In
    execution order, so that a filter emptied here is a constant to the next layer.
    """

    kind: ClassVar[str] = "empty_constants"

    pass_: Literal["empty_constants"] = Field("empty_constants", alias="pass")

    def run(self, state: Compilation) -> Compilation:
        layers: dict[str, Layer] = {layer.name: layer for layer in state.network.layers}
        constants: dict[str, Vector] = {}
        emptied = 0
        for layer in state.network.ordered_layers:
            if not isinstance(layer, MacLayer):
                continue
            made = layer
            if layer.inputs[0] in constants:
                made, count = _emptied(layer, constants[layer.inputs[0]])
                layers[layer.name] = made
                emptied += count
            values = _constants(made)
            if not np.isnan(values).all():
                constants[made.outputs[0]] = values
        state = state.with_(network=state.network.replace(layers=tuple(layers.values())))
        return state.note(f"weights that read {emptied} constant channels were emptied") if emptied else state


def _constants(layer: MacLayer) -> Vector:
    """What each output channel always holds; NaN where that is not known."""
    zero = ~np.any(layer.weights.reshape(layer.output_channels, -1), axis=1)
    held = layer.finish(np.zeros((1, layer.output_channels)))[0]
    return np.where(zero, held, np.nan)


def _emptied(layer: MacLayer, constants: Vector) -> tuple[MacLayer, int]:
    """The layer with constants taken out of its sums, and how many channels that took weights from."""
    known = ~np.isnan(constants) & (layer.uniform | (constants == 0))
    weights = layer.weights.astype(np.float64)
    shape = (layer.output_channels, *[1] * (weights.ndim - 2), -1)
    reads = layer.input_channels(known.astype(np.float64)).reshape(shape) > 0
    taps = weights.reshape(layer.output_channels, -1, weights.shape[-1]).sum(axis=1)
    added = np.sum(taps * layer.input_channels(np.where(known, constants, 0.0)), axis=1)
    count = int(np.count_nonzero(known & (input_ranges(layer, len(constants)) > 0)))
    return layer.replace(weights=np.where(reads, 0.0, weights), bias=layer.real_bias + added), count
