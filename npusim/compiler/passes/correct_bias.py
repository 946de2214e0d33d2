"""Analytic bias correction (DFQ, arXiv 1906.04721; algorithms.md 2.4)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.data_free import propagate
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer


class CorrectBias(Pass):
    """Take off what rounded weights add to a layer's mean, without data.

    ``b -= sum(dequantized - W) * E[x]`` with the expected inputs propagated from batch-norm
    statistics. After `quantize_weights`; borders, clipping and rounding of activations are ignored.
    """

    kind: ClassVar[str] = "correct_bias"

    pass_: Literal["correct_bias"] = Field("correct_bias", alias="pass")

    def run(self, state: Compilation) -> Compilation:
        expected = propagate(state.network, state.moments)
        layers: list[Layer] = []
        for layer in state.network.layers:
            if isinstance(layer, MacLayer):
                if layer.name not in state.weights:
                    raise InputError("weights without codes: run quantize_weights first", found=layer.name)
                error = state.weights[layer.name].dequantized() - layer.weights
                taps = error.reshape(layer.output_channels, -1, error.shape[-1]).sum(axis=1)
                mean = layer.input_channels(expected[layer.inputs[0]].mean)
                shift = np.sum(taps * mean, axis=1) * layer.taps_share
                layers.append(layer.replace(bias=layer.real_bias - shift))
            else:
                layers.append(layer)
        return state.with_(network=state.network.replace(layers=tuple(layers)))
