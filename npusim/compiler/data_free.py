"""Ranges without data: batch-norm statistics propagated through the graph (algorithms.md 1.7)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.moments import Moments
from npusim.network import Network


def propagate(network: Network, known: Mapping[str, Moments]) -> dict[str, Moments]:
    """Moments of every tensor: those a batch norm left behind, others from their layer's rule.

    Raises
    ------
    InputError
        If a layer has no rule, or an input's real range is not known.
    """
    found: dict[str, Moments] = {}
    for tensor in network.inputs:
        low, high = input_range(network, tensor.name)
        middle, half = (low + high) / 2, (high - low) / 2
        channels = np.ones(tensor.shape[-1])
        # A uniform variable's sigma; its bounds, not its sigmas, give the range.
        spread = Moments.normal(middle * channels, half * channels)
        found[tensor.name] = Moments(
            middle * channels, half**2 / 3 * channels, low * channels, high * channels, spread.gaussian
        )
    for layer in network.ordered_layers:
        (output, *others) = layer.outputs
        made = known.get(output) or _through(layer, network, found)
        if made is None or others:
            raise InputError(
                f"no data-free range for the {layer.kind} layer {layer.name}", allowed="calibration data"
            )
        found[output] = made
    return found


def _through(layer: Layer, network: Network, found: Mapping[str, Moments]) -> Moments | None:
    """A layer's own rule; layers that move values about make channels that hold values of all of them."""
    made = layer.sized_moments(
        [found[name] for name in layer.inputs], [network.shapes[name] for name in layer.inputs]
    )
    if made is None and layer.keeps_codes:
        return found[layer.inputs[0]].mixed(network.shapes[layer.outputs[0]][-1])
    return made


def input_range(network: Network, name: str) -> tuple[float, float]:
    """The real range of an input: what its preprocess block makes of bytes.

    Raises
    ------
    InputError
        If the network has no preprocess block.
    """
    if network.preprocess is None:
        raise InputError(
            f"the range of the input {name} is not known without data",
            key="preprocess",
            allowed="a preprocess block; or calibration data and a recipe that finds ranges on them",
        )
    channels = next(tensor.shape[-1] for tensor in network.inputs if tensor.name == name)
    ends = [(byte - m) / s for m, s in network.preprocess.per_channel(channels) for byte in (0, 255)]
    return float(min(ends)), float(max(ends))
