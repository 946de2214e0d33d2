"""Bias correction from expected inputs (DFQ, arXiv 1906.04721; algorithms.md 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim import reference
from npusim.compiler.base import Compilation, Pass
from npusim.compiler.data_free import propagate
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer

Vector = npt.NDArray[np.float64]


class ExpectedInputs(StrEnum):
    """Where the mean of a layer's input comes from."""

    MOMENTS = "moments"
    """Propagated from batch-norm statistics, without data: DFQ's analytic form."""
    CALIBRATION = "calibration"
    """Averaged over the calibration images in float: its empirical form."""


class CorrectBias(Pass):
    """Take off what rounded weights add to a layer's mean.

    ``b -= sum(dequantized - W) * E[x]``. After `quantize_weights`; borders, clipping and rounding of
    activations are ignored. Not together with `iterative_bias_correction`, which measures all of it.

    Attributes
    ----------
    inputs
        Where E[x] comes from.
    batch
        Images run at once through the float network.
    """

    kind: ClassVar[str] = "correct_bias"

    pass_: Literal["correct_bias"] = Field("correct_bias", alias="pass")
    inputs: ExpectedInputs = ExpectedInputs.MOMENTS
    batch: int = Field(8, ge=1)

    def run(self, state: Compilation) -> Compilation:
        expected = self._expected(state)
        layers: list[Layer] = []
        for layer in state.network.layers:
            if isinstance(layer, MacLayer):
                if layer.name not in state.weights:
                    raise InputError("weights without codes: run quantize_weights first", found=layer.name)
                error = state.weights[layer.name].dequantized() - layer.weights
                taps = error.reshape(layer.output_channels, -1, error.shape[-1]).sum(axis=1)
                mean = layer.input_channels(expected[layer.inputs[0]])
                shift = np.sum(taps * mean, axis=1) * layer.taps_share
                layers.append(layer.replace(bias=layer.real_bias - shift))
            else:
                layers.append(layer)
        return state.with_(network=state.network.replace(layers=tuple(layers)))

    def _expected(self, state: Compilation) -> Mapping[str, Vector]:
        """The mean of each channel of every tensor."""
        if self.inputs is ExpectedInputs.MOMENTS:
            return {name: found.mean for name, found in propagate(state.network, state.moments).items()}
        if state.calibration is None:
            raise InputError("empirical bias correction needs calibration data", key="calibration")
        sums: dict[str, Vector] = {}
        counts: dict[str, int] = {}

        def see(name: str, values: npt.NDArray[Any]) -> None:
            pixels = values.reshape(-1, values.shape[-1])
            sums[name] = sums.get(name, 0) + pixels.sum(axis=0, dtype=np.float64)
            counts[name] = counts.get(name, 0) + len(pixels)

        total = len(next(iter(state.calibration.values())))
        for start in range(0, total, self.batch):
            state.progress(f"float means: image {start} of {total}")
            part = {name: data[start : start + self.batch] for name, data in state.calibration.items()}
            reference.run(state.network, part, observe=see)
        return {name: found / counts[name] for name, found in sums.items()}
