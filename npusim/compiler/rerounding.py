"""What passes share that choose weight codes by the sums they lead to, layer by layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.input_moments import InputMoments, as_rows, input_moments, measurable
from npusim.compiler.lattice import Quadratic
from npusim.compiler.two_runs import TwoRuns
from npusim.errors import InputError
from npusim.layers.mac_layer import MacLayer
from npusim.quantization import QuantizedWeights

Matrix = npt.NDArray[np.float64]

_CORRECTING = ("iterative_bias_correction", "fine_tune_bias")
_ALIKE = 4
"""Neighbouring pixels say about the same: so many count as one where few pixels meet many taps."""


class Rerounding(Pass):
    """Base of passes between `quantize_weights` and `lower` that give weights other codes on the same grid.

    Layers are gone through in execution order. Of each, what it reads is seen twice: in float, and as codes
    of an integer run in which all layers before it already have their new codes. A row of codes q is chosen
    to make the variance of ``q . codes - w . reals`` small: its sums follow the float network's, errors of
    the layers before it included. The mean of the difference goes into the bias, here, or by a pass that
    corrects biases further down the recipe. A row whose new codes are no better than those it had keeps them.

    Scales and shifts stay. Layers that moments cannot be taken of (transposed convolutions) stay as they are.

    Attributes
    ----------
    images
        Use at most so many calibration images.
    pixels
        And of each at most so many output pixels of a layer.
    damping
        How much a change of a weight costs by itself, in mean squares of a tap's input: what so few data
        cannot tell stays near the float network's weights. More where few pixels meet many taps.
    follow_float
        Whether sums follow the float network's; or else what its weights would make of the same codes.
    """

    images: int = Field(64, ge=1)
    pixels: int = Field(256, ge=1)
    damping: float = Field(1.0, gt=0)
    follow_float: bool = True
    batch: int = Field(8, ge=1)

    def choose(self, problem: Quadratic, scaled: Matrix, before: Matrix, greatest: int) -> Matrix:
        """New codes of some rows.

        Parameters
        ----------
        problem
            What is to be small.
        scaled : float64[rows, taps]
            The weights in units of a code.
        before
            The codes they have.
        greatest
            The greatest magnitude of a code.
        """
        raise NotImplementedError

    def run(self, state: Compilation) -> Compilation:
        self._check(state)
        assert state.calibration is not None
        images = {name: data[: self.images] for name, data in state.calibration.items()}
        runs, now, changed = TwoRuns(state, images, self.batch), state, 0
        for layer in state.network.ordered_layers:
            state.progress(f"{self.kind.replace('_', ' ')}: {layer.name}")
            if isinstance(layer, MacLayer) and measurable(layer):
                now, count = self._reround(now, layer, runs)
                changed += count
            runs.advance(layer, now)
        corrected = any(one.kind in _CORRECTING for one in state.ahead)
        now = now.with_(network=state.network) if corrected else now
        total = sum(weights.codes.size for weights in now.weights.values())
        return now.note(f"{self.kind} changed {changed / max(total, 1):.1%} of the weight codes")

    def _check(self, state: Compilation) -> None:
        if state.calibration is None:
            raise InputError(f"{self.kind} needs calibration data", key="calibration")
        for layer in state.network.layers:
            if isinstance(layer, MacLayer) and layer.name not in state.weights:
                raise InputError("weights without codes: run quantize_weights first", found=layer.name)
        if any(weights.residuals for weights in state.weights.values()):
            raise InputError(
                "residual orders stand for what codes leave: choose these first",
                key="passes",
                allowed=f"{self.kind} before residual_expansion",
            )

    def _reround(self, state: Compilation, layer: MacLayer, runs: TwoRuns) -> tuple[Compilation, int]:
        """The state with a layer's new codes and bias, and how many codes changed."""
        (x,), weights = layer.inputs, state.weights[layer.name]
        moments = input_moments(
            layer,
            runs.codes[x],
            runs.floats[x],
            state.quantization[x],
            pixels=self.pixels,
            batch=self.batch,
        )
        worth = np.array([float(weights.channel_scale(o)) for o in range(weights.outputs)])
        scaled = as_rows(layer.weights / worth.reshape(-1, *[1] * (weights.codes.ndim - 1)), moments)
        before = as_rows(weights.codes.astype(np.float64), moments)
        codes = self._codes(moments, scaled, before, _greatest(weights))
        shift = np.einsum("grk,gk->gr", scaled, moments.reals) - np.einsum("grk,gk->gr", codes, moments.codes)
        bias = layer.real_bias + shift.reshape(-1) * worth * state.quantization[x].scale
        made = replace(
            weights,
            codes=codes.reshape(weights.codes.shape).astype(weights.codes.dtype),
            real=np.asarray(layer.weights, np.float64),
        )
        layers = tuple(
            one.replace(bias=bias) if one.name == layer.name else one for one in state.network.layers
        )
        state = state.with_(
            network=state.network.replace(layers=layers), weights={**state.weights, layer.name: made}
        )
        return state, int(np.count_nonzero(codes != before))

    def _codes(self, moments: InputMoments, scaled: Matrix, before: Matrix, greatest: int) -> Matrix:
        """New codes, group by group; rows that would be no better keep theirs."""
        made = before.copy()
        for group, problem in enumerate(self._problems(moments, scaled)):
            found = self.choose(problem, scaled[group], before[group], greatest)
            better = problem.value(found) < problem.value(before[group])
            made[group] = np.where(better[:, np.newaxis], found, before[group])
        return made

    def _problems(self, moments: InputMoments, scaled: Matrix) -> list[Quadratic]:
        about = moments.centred()
        crossed = about.crossed if self.follow_float else about.products
        powers = np.einsum("gkk->gk", about.products).mean(axis=1)
        share = self.damping * (1 + _ALIKE * scaled.shape[2] / moments.count)
        damping = np.maximum(share * powers, np.finfo(np.float32).tiny)
        return [
            Quadratic(
                products + cost * np.eye(len(products)),
                rows @ np.ascontiguousarray(cross.T) + cost * rows,
            )
            for products, cross, cost, rows in zip(about.products, crossed, damping, scaled, strict=True)
        ]


def _greatest(weights: QuantizedWeights) -> int:
    """The greatest magnitude that a layer's codes have: that of its scale."""
    return int(np.abs(weights.codes.astype(np.int64)).max(initial=1))
