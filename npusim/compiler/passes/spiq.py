"""SPIQ: data-free per-channel static input ranges (arXiv 2203.14642; algorithms.md 6)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import scale_inputs, scale_outputs
from npusim.compiler.channel_groups import ChannelGroup, find_groups
from npusim.compiler.data_free import propagate
from npusim.compiler.folding_noise import FoldingNoise
from npusim.layers.base import Layer
from npusim.layers.mac_layer import MacLayer

Vector = npt.NDArray[np.float64]
Alpha = Annotated[float, Field(gt=0, le=1)]


class Route(StrEnum):
    """Which scales a channel may have."""

    REAL = "real"
    """Any: a multiplier per channel holds the producer's part, and its codes stay as they are; without one
    the shift scaler holds all but a factor below two, which moves its rows' codes."""
    POWER_OF_TWO = "power_of_two"
    """Powers of two: where there are only shifts they hold the producer's part, and its rows move only as
    the scale does that they share."""


class Unknown(StrEnum):
    """What becomes of tensors whose statistics no batch norm has left behind."""

    LEAVE = "leave"
    """They keep one scale: what is propagated through weights alone is no ground to fold on."""
    FOLD = "fold"
    """They are folded by what was propagated."""


class Spiq(Pass):
    """Give every channel of a tensor its own input scale, folded into the weights on both sides.

    A scale per *input* channel cannot leave the sum over channels, so it is folded: the producer's
    channel i is divided by ``t = (hi / max hi) ** alpha``, the consumer's weights that read it are
    multiplied by t, and one scale for the tensor serves all channels. `hi` is how far from zero the range
    would reach that `activation_ranges`, further down the recipe, would give the channel alone without data.
    Tensors that meet in an add or a concat are scaled together; every consumer folds the same vector (6.4).

    Folding moves the spread into the weights, which have noise of their own. The guard: for each group of
    tensors every alpha and every route is weighed by the noise that it is expected to leave in the
    network's answers, weights rounded as `quantize_weights` and tensors as `activation_ranges` will do
    it with the settings they have further down the recipe. A group is left alone unless that is less than
    what it makes now, by `least_gain` at least. The bounds, the exponents and the guard are our reading: the
    paper's text was not available.

    Attributes
    ----------
    alphas
        The exponents to choose from.
    routes
        The kinds of scales to choose from.
    guard
        Whether a group is left alone where folding is not expected to help.
    least_gain
        The share of its own expected noise that a group must lose.
    unknown
        What becomes of tensors without batch-norm statistics.
    """

    kind: ClassVar[str] = "spiq"
    moves_ranges: ClassVar[bool] = True

    pass_: Literal["spiq"] = Field("spiq", alias="pass")
    alphas: Annotated[tuple[Alpha, ...], Field(min_length=1)] = (0.25, 0.5, 0.75, 1.0)
    routes: Annotated[tuple[Route, ...], Field(min_length=1)] = (Route.REAL, Route.POWER_OF_TWO)
    guard: bool = True
    least_gain: float = Field(0.15, ge=0, lt=1)
    unknown: Unknown = Unknown.LEAVE

    def run(self, state: Compilation) -> Compilation:
        groups = find_groups(state.network)
        if self.unknown is Unknown.LEAVE:
            groups = [group for group in groups if _known(state, group)]
        expected = propagate(state.network, state.moments)
        noise = FoldingNoise(state, expected)
        folded = 0
        for index, group in enumerate(groups):
            state.progress(f"input scales per channel: group {index + 1} of {len(groups)}")
            scales = self._best(noise, group)
            if scales is not None:
                noise.fold(group, scales)
                folded += 1
        return _scaled(state, noise.scales).note(
            f"{folded} of {len(groups)} groups of tensors have input scales per channel, folded into weights"
        )

    def _best(self, noise: FoldingNoise, group: ChannelGroup) -> Vector | None:
        """The scales that leave the least noise; None: those it has."""
        shares = _shares(group, noise)
        if shares.min() == 1:
            return None
        candidates = [_rounded(shares**alpha, route) for route in self.routes for alpha in self.alphas]
        found = [noise.after(group, scales) for scales in candidates]
        best = int(np.argmin(found))
        enough = found[best] < (1 - self.least_gain) * noise.after(group, np.ones(group.size))
        return candidates[best] if enough or not self.guard else None


def _shares(group: ChannelGroup, noise: FoldingNoise) -> Vector:
    """Each channel's bound as a share of the group's greatest; tied channels share the greater."""
    bounds = np.zeros(group.size)
    for tensor, places in group.places.items():
        free = places >= 0
        of = np.resize(noise.bounds(tensor), places.shape)
        np.maximum.at(bounds, places[free], of[free])
    if bounds.max() == 0:
        return np.ones(group.size)
    shares = bounds / bounds.max()
    # A dead channel needs no resolution: it takes the smallest scale there is.
    made: Vector = np.where(shares > 0, shares, shares[shares > 0].min())
    return made


def _known(state: Compilation, group: ChannelGroup) -> bool:
    """Whether every tensor that a layer with weights makes has statistics of a batch norm."""
    makers = {layer.name: layer for layer in state.network.layers}
    return all(makers[name].outputs[0] in state.moments for name in group.producers)


def _rounded(scales: Vector, route: Route) -> Vector:
    """Scales of a route: powers of two are the least that are no smaller, so that no channel needs more."""
    return scales if route is Route.REAL else np.exp2(np.ceil(np.log2(scales) - 1e-9))


def _scaled(state: Compilation, scales: dict[str, Vector]) -> Compilation:
    """The network with each tensor's channels divided by its scales."""
    layers = tuple(_folded(layer, scales) for layer in state.network.layers)
    moments, factors = dict(state.moments), dict(state.factors)
    for name, found in scales.items():
        if name in moments:
            moments[name] = moments[name].scaled(1 / found[: moments[name].mean.size])
        factors[name] = found * factors.get(name, 1.0)
    return state.with_(network=state.network.replace(layers=layers), moments=moments, factors=factors)


def _folded(layer: Layer, scales: dict[str, Vector]) -> Layer:
    if not isinstance(layer, MacLayer):
        return layer
    (x,), (y,) = layer.inputs, layer.outputs
    made = scale_outputs(layer, 1 / scales[y]) if y in scales else layer
    return scale_inputs(made, scales[x]) if x in scales else made
