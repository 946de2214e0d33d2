"""REx as an ensemble: two networks, summed at their ends (arXiv 2203.14645; algorithms.md 5.5)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim import reference
from npusim.compiler.base import Compilation, Pass, Vector
from npusim.compiler.passes.quantize_weights import shift_scaler
from npusim.compiler.two_streams import split_streams
from npusim.errors import InputError
from npusim.layers.mac_layer import MacLayer


class ResidualEnsemble(Pass):
    """Two networks of one order each instead of a sum of two orders inside every layer.

    The first has the first order of the weights and the biases. The second carries what the second
    order adds: ``r' = f(A r + B h)`` beside ``h' = f(A h + b)``, with A and B the two orders and f the
    layer's activation function; the two are summed where a layer is neither linear nor a clip, and at the
    outputs. That drops ``B r``, and f does not commute with the sum: the note says what both cost,
    against the exact sum in each layer, in float. Which terms the paper keeps is not known; this reading
    is exact to first order wherever the network is linear. Needs nothing of a datapath. Before
    `activation_ranges`, and before `quantize_weights`, which is given the same `bits`.

    Attributes
    ----------
    bits
        The width of a code of either order.
    images
        How many calibration images the inexactness is measured on.
    """

    kind: ClassVar[str] = "residual_ensemble"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["residual_ensemble"] = Field("residual_ensemble", alias="pass")
    bits: int = Field(4, ge=2, le=8)
    images: int = Field(16, ge=1)

    def run(self, state: Compilation) -> Compilation:
        if state.weights:
            raise InputError("weights have codes: residual_ensemble goes before", found="quantize_weights")
        greatest, limit = (1 << (self.bits - 1)) - 1, state.datapath.inverse_shift_max
        first: dict[str, Vector] = {}
        second: dict[str, Vector] = {}
        for layer in state.network.layers:
            if isinstance(layer, MacLayer):
                weights = np.asarray(layer.weights, np.float64)
                first[layer.name] = on_grid(weights, greatest, limit)
                second[layer.name] = on_grid(weights - first[layer.name], greatest, limit)
        ensemble = split_streams(state.network, first, second)
        made = state.with_(network=ensemble)
        if state.calibration is None:
            return made.note("two networks instead of two orders: how inexact was not measured without data")
        data = {name: batch[: self.images] for name, batch in state.calibration.items()}
        exact = state.network.replace(
            layers=tuple(
                layer.replace(weights=first[layer.name] + second[layer.name])
                if isinstance(layer, MacLayer)
                else layer
                for layer in state.network.layers
            )
        )
        wanted, found = reference.run(exact, data), reference.run(ensemble, data)
        told = ", ".join(f"{name} {_decibels(wanted[name], found[name]):.1f} dB" for name in wanted)
        count = len(next(iter(data.values())))
        return made.note(
            f"two networks instead of two orders: from their exact sum, on {count} images: {told}"
        )


def on_grid(weights: Vector, greatest: int, limit: int) -> Vector:
    """Weights rounded to shift-scaled codes of one scale.

    Examples
    --------
    >>> on_grid(np.array([[1.0, 0.4], [0.2, -0.1]]), 7, 0).round(3).tolist()
    [[1.0, 0.429], [0.143, -0.143]]
    """
    ranges = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    if not ranges.any():
        return weights
    units = np.ldexp(ranges.max() / greatest, -shift_scaler(ranges, limit))
    units = units.reshape(-1, *[1] * (weights.ndim - 1))
    rounded: Vector = np.rint(weights / units) * units
    return rounded


def _decibels(wanted: npt.NDArray[Any], found: npt.NDArray[Any]) -> float:
    noise = float(np.square(wanted.astype(np.float64) - found).sum())
    return 10 * np.log10(float(np.square(wanted.astype(np.float64)).sum()) / noise) if noise else np.inf
