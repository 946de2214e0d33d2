"""The noise that scales of channels are expected to leave in the answers (algorithms.md 6.5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from npusim.compiler.base import Compilation
from npusim.compiler.chains import scale_inputs, scale_outputs
from npusim.compiler.channel_groups import ChannelGroup
from npusim.compiler.expected_noise import code_noise
from npusim.compiler.noise_gain import noise_gains, passed
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.quantize_weights import QuantizeWeights, Scheme
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments

Vector = npt.NDArray[np.float64]

_CORRECTING = ("correct_bias", "iterative_bias_correction", "fine_tune_bias")


class FoldingNoise:
    """Weighs scales of groups of tensors, one group at a time, the others as they are.

    What rounding a tensor adds is its codes' expected squared error by channel; what rounding weights adds is
    their squared errors times the variance of what they read (its mean is corrected by a pass further down
    the recipe, or else counts too). Both times their gain to the answers.

    Attributes
    ----------
    scales
        What each tensor's channels have been divided by; tensors that were left alone are not listed.
    """

    def __init__(self, state: Compilation, expected: Mapping[str, Moments]) -> None:
        self._state, self._expected = state, expected
        self._layers = {layer.name: layer for layer in state.network.layers if isinstance(layer, MacLayer)}
        self._makers = {layer.outputs[0]: layer for layer in state.network.layers}
        self._gains = noise_gains(state.network, expected)
        self._ranges = state.coming(ActivationRanges) or ActivationRanges.model_validate({})
        self._codes = self._ranges.codes_of(state.network, state.datapath)
        self._weights = state.coming(QuantizeWeights) or _usual_weights(state)
        self._corrected = any(one.kind in _CORRECTING for one in state.ahead)
        self.scales: dict[str, Vector] = {}

    def after(self, group: ChannelGroup, scales: Vector) -> float:
        """The noise of everything that the group's scales touch, with these scales."""
        here = {name: group.of(name, scales) for name in group.places}
        tensors = sum(self._tensor_noise(name, found) for name, found in here.items())
        layers = dict.fromkeys((*group.producers, *group.consumers))
        return tensors + sum(
            self._weight_noise(self._layers[name], {**self.scales, **here}) for name in layers
        )

    def fold(self, group: ChannelGroup, scales: Vector) -> None:
        """From now on the group has these scales."""
        self.scales |= {name: group.of(name, scales) for name in group.places}

    def _tensor_noise(self, name: str, scales: Vector) -> float:
        """Of rounding a tensor to codes; copies of codes round nothing."""
        maker = self._makers.get(name)
        if maker is None or maker.keeps_codes:
            return 0.0
        moments = self._expected[name]
        channels = moments.mean.size
        scaled = moments.scaled(1 / scales[:channels])
        gains = _folded(self._gains[name], channels) * scales[:channels] ** 2
        datapath, codes = self._state.datapath, self._codes[name]
        meaning = self._ranges.meaning(
            *self._ranges.free_range(scaled, gains, codes, datapath), codes, datapath
        )
        return float(np.sum(code_noise(scaled, meaning, datapath.activation.interval) * gains))

    def bounds(self, name: str) -> Vector:
        """How far from zero a range for each of a tensor's channels alone would reach."""
        return self._ranges.free_bounds(self._expected[name], self._codes[name], self._state.datapath)

    def _weight_noise(self, layer: MacLayer, scales: Mapping[str, Vector]) -> float:
        """Of rounding a layer's weights, as they are after scaling."""
        (x,), (y,) = layer.inputs, layer.outputs
        weights = np.asarray(layer.weights, np.float64)
        column = (-1, *[1] * (weights.ndim - 1))
        inputs = scales.get(x, np.ones(self._state.network.shapes[x][-1]))
        outputs = scales.get(y, np.ones(layer.output_channels))
        changed = scale_inputs(scale_outputs(layer, 1 / outputs), inputs).weights
        errors = self._weights.nearest(self._state.datapath, layer.name, changed) - changed
        errors = errors * outputs.reshape(column)
        squares = (errors**2).reshape(layer.output_channels, -1, errors.shape[-1]).sum(axis=1)
        moments = self._expected[x]
        power = moments.variance if self._corrected else moments.variance + moments.mean**2
        power = np.resize(power, inputs.shape) / inputs**2
        sums = np.sum(squares * layer.input_channels(power), axis=1) * layer.taps_share
        return float(np.sum(sums * passed(layer, self._expected[y]) * self._gains[y]))


def _folded(gains: Vector, channels: int) -> Vector:
    """Gains of a vector's elements, summed over those that repeat a channel."""
    made: Vector = gains.reshape(-1, channels).sum(axis=0)
    return made


def _usual_weights(state: Compilation) -> QuantizeWeights:
    scheme = Scheme.SHIFT_SCALER if state.datapath.inverse_shift_max else Scheme.LAYER_WISE
    return QuantizeWeights.model_validate({"scheme": scheme})
