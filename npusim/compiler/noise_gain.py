"""How much of a tensor's noise arrives at the answers: expected gains, without data.

Noise is taken as independent of the values and between elements, small, and the paths that it takes as
independent too: a layer passes on what its derivative lets through, squared. Then the noise of the answers is
a sum over the noises of all tensors, each times its gain, and gains are found in one walk from the outputs to
the inputs. The common factor of a tensor's gains is rough, what its channels have to each other is what is
asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.clipping import ClippingLayer
from npusim.layers.concat import Concat
from npusim.layers.fusing import FusingLayer
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.lowering import Clip
from npusim.layers.mac_layer import MacLayer
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.layers.reshaping import ReshapingLayer
from npusim.layers.resize import Resize
from npusim.layers.sub import Sub
from npusim.moments import Moments
from npusim.network import Network

Vector = npt.NDArray[np.float64]

_SAME = (AvgPool2d, GlobalAvgPool, MaxPool2d, Resize)
_NORMAL = NormalDist()


def noise_gains(network: Network, expected: Mapping[str, Moments]) -> dict[str, Vector]:
    """For each channel of each tensor: noise of all answers by noise of the channel, as variances.

    Parameters
    ----------
    expected
        Moments of every tensor.
    """
    walk = _Walk(network, expected)
    gains = {name: np.zeros(shape[-1]) for name, shape in network.shapes.items()}
    for name in network.outputs:
        gains[name] += 1.0
    for layer in reversed(network.ordered_layers):
        found = gains[layer.outputs[0]]
        for name, gain in zip(layer.inputs, _before(layer, walk, found), strict=True):
            gains[name] += gain
    return gains


def passed(layer: Layer, made: Moments) -> Vector:
    """The share of a layer's values that its activation function does not clip, by channel.

    Parameters
    ----------
    made
        The moments of its output.
    """
    clip, caps = _bounds(layer)
    if (clip is None or clip == (None, None)) and caps is None:
        return np.ones_like(made.mean)
    mean, sigma = made.gaussian
    shares = [
        _NORMAL.cdf((high - m) / s) - _NORMAL.cdf((low - m) / s) if s > 0 else float(low <= m <= high)
        for m, s, low, high in zip(mean, sigma, made.low, made.high, strict=True)
    ]
    return np.array(shares)


class _Walk:
    """What the rules read."""

    def __init__(self, network: Network, expected: Mapping[str, Moments]) -> None:
        self.network, self.expected = network, expected

    def variance(self, tensor: str) -> Vector:
        """By channel, of a vector too that repeats its channels."""
        channels = self.network.shapes[tensor][-1]
        return np.resize(self.expected[tensor].variance, channels)


def _bounds(layer: Layer) -> tuple[Clip | None, Vector | None]:
    if isinstance(layer, MacLayer):
        return layer.clip, layer.caps
    if isinstance(layer, ClippingLayer):
        return layer.bounds, None
    return (layer.clip, None) if isinstance(layer, FusingLayer) else (None, None)


def _before(layer: Layer, walk: _Walk, gain: Vector) -> list[Vector]:
    """The gains of a layer's inputs from that of its output."""
    made = walk.expected[layer.outputs[0]]
    gain = gain * np.resize(passed(layer, made), gain.shape)
    shapes = [walk.network.shapes[name] for name in layer.inputs]
    if isinstance(layer, MacLayer):
        return [sums_gain(layer, shapes[0][-1], gain)]
    alike = all(shape[-1] == len(gain) for shape in shapes)
    if alike and isinstance(layer, (Add, Sub, ClippingLayer, Pad, *_SAME)):
        return [gain for _ in shapes]
    if isinstance(layer, Concat) and sum(shape[-1] for shape in shapes) == len(gain):
        return np.split(gain, np.cumsum([shape[-1] for shape in shapes])[:-1])
    if isinstance(layer, ReshapingLayer) and len(gain) % shapes[0][-1] == 0:
        return [gain.reshape(-1, shapes[0][-1]).mean(axis=0)]
    # Any other layer: as if it were a factor, the same for all of its channels.
    whole = float(np.mean(gain)) * float(np.sum(walk.variance(layer.outputs[0])))
    sums = [float(np.sum(walk.variance(name))) for name in layer.inputs]
    return [
        np.full(shape[-1], whole / total if total > 0 else 0.0)
        for shape, total in zip(shapes, sums, strict=True)
    ]


def sums_gain(layer: MacLayer, channels: int, gain: Vector) -> Vector:
    """The gain of each input channel of a layer, from that of its sums: squared weights carry it.

    Parameters
    ----------
    channels
        How many its input has.
    """
    weights = layer.weights.astype(np.float64)
    taps = (weights**2).reshape(layer.output_channels, -1, weights.shape[-1]).sum(axis=1)
    places = layer.input_channels(np.arange(channels, dtype=np.float64)).astype(np.int64)
    found = np.zeros(channels)
    np.add.at(found, places, taps * gain[:, np.newaxis] * layer.taps_share)
    return found
