"""High-bias absorption (DFQ, arXiv 1906.04721; algorithms.md 2.3)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import Chain, find_chains
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments

Vector = npt.NDArray[np.float64]


class AbsorbBias(Pass):
    """Move constants that a ReLU hardly ever clips into the next layer's bias.

    For a channel whose pre-activation has mean mu and sigma, ``c = max(0, mu - sigmas * sigma)``
    leaves its bias and, through the next layer's weights, joins that layer's. Narrower activation
    ranges are the gain; where the pre-activation falls below c the function changes.

    Only chains without anything between the two layers, into a consumer without padding: zeros
    around the image would not have lost c (algorithms.md 2.3).

    Attributes
    ----------
    sigmas
        How far below the mean the constant stays: 3 in the paper.
    """

    kind: ClassVar[str] = "absorb_bias"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["absorb_bias"] = Field("absorb_bias", alias="pass")
    sigmas: float = Field(3.0, gt=0, le=100)

    def run(self, state: Compilation) -> Compilation:
        layers: dict[str, Layer] = {layer.name: layer for layer in state.network.layers}
        moments, offsets = dict(state.moments), dict(state.offsets)
        absorbed = 0
        for chain in find_chains(state.network):
            producer, consumer = layers[chain.producer], layers[chain.consumer]
            assert isinstance(producer, MacLayer)
            assert isinstance(consumer, MacLayer)
            tensor = producer.outputs[0]
            if tensor not in moments or not _absorbing(chain, producer, consumer):
                continue
            mean, sigma = moments[tensor].gaussian
            constant = np.maximum(0.0, mean - self.sigmas * sigma)
            if producer.caps is not None:
                # A channel that its cap often clips would not lose a constant.
                constant[mean + self.sigmas * sigma >= producer.caps] = 0.0
            if not constant.any():
                continue
            caps = None if producer.caps is None else producer.caps - constant
            producer = producer.replace(bias=producer.real_bias - constant, caps=caps)
            layers[producer.name] = producer
            layers[consumer.name] = consumer.replace(bias=consumer.real_bias + _through(consumer, constant))
            moments[tensor] = producer.activated(Moments.normal(mean - constant, sigma))
            offsets[tensor] = constant * state.factors.get(tensor, 1.0) + state.offsets.get(tensor, 0.0)
            absorbed += int(np.count_nonzero(constant))
        state = state.with_(
            network=state.network.replace(layers=tuple(layers.values())), moments=moments, offsets=offsets
        )
        return state.note(f"{absorbed} channels' high biases were absorbed") if absorbed else state


def _absorbing(chain: Chain, producer: MacLayer, consumer: MacLayer) -> bool:
    return not chain.between and producer.clip == (0.0, None) and consumer.uniform


def _through(consumer: MacLayer, constant: Vector) -> Vector:
    """What a constant per input channel adds to each output."""
    weights = consumer.weights.astype(np.float64)
    taps = weights.reshape(consumer.output_channels, -1, weights.shape[-1]).sum(axis=1)
    made: Vector = (taps * consumer.input_channels(constant)).sum(axis=1)
    return made
