"""Moments of channels from a float run, where batch norms left none (algorithms.md 1.7, 2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim import reference
from npusim.compiler.base import Compilation, Pass
from npusim.compiler.chains import transparent
from npusim.compiler.pre_activation import expose_sums, sums_tensor
from npusim.compiler.synthetic import synthetic_inputs
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.fusing import FusingLayer
from npusim.layers.mac_layer import MacLayer
from npusim.moments import Moments
from npusim.network import Network

Vector = npt.NDArray[np.float64]


class MomentSource(StrEnum):
    """What the float network is run on."""

    SYNTHETIC = "synthetic"
    """Noise with the spectrum of natural images: no data are needed."""
    CALIBRATION = "calibration"
    """The calibration images."""


class Replaced(StrEnum):
    """Which tensors are given moments."""

    UNKNOWN = "unknown"
    """Those that no batch norm stands before: nothing could be propagated to them but the input's range."""
    ALL = "all"
    """Every one, instead of what batch norms say."""


class MeasureMoments(Pass):
    """Run the float network, and take mean and variance of every channel from it.

    For files whose batch norms were folded away: data-free ranges and bias correction read moments, and
    propagating them from the input alone through fifty layers, taken as independent, leads nowhere. Even
    images of no scene tell where a channel's values lie. They excite deep features less than real ones do,
    so that sigmas come out small: no source for `absorb_bias`, which trusts a tail.

    Means are those of the values, ranges follow the sums before the activation function. After the passes
    that scale channels.

    Attributes
    ----------
    images
        How many; of calibration data at most so many.
    batch
        Images run at once.
    seed
        Of synthetic images.
    """

    kind: ClassVar[str] = "measure_moments"

    pass_: Literal["measure_moments"] = Field("measure_moments", alias="pass")
    source: MomentSource = MomentSource.SYNTHETIC
    tensors: Replaced = Replaced.UNKNOWN
    images: int = Field(16, ge=1)
    batch: int = Field(8, ge=1)
    seed: int = 0

    def run(self, state: Compilation) -> Compilation:
        wanted = [layer for layer in state.network.ordered_layers if self._wanted(state, layer)]
        if not wanted:
            return state
        seen = self._measured(state)
        moments = dict(state.moments)
        for layer in wanted:
            moments[layer.outputs[0]] = _moments(layer, seen)
        state = state.with_(moments=moments)
        return state.note(f"moments of {len(wanted)} tensors were measured on {self.source} images")

    def _wanted(self, state: Compilation, layer: Layer) -> bool:
        """Whether a layer's output is measured; layers that hand channels on have rules for theirs."""
        if not layer.inputs or len(layer.outputs) > 1 or transparent(layer):
            return False
        return self.tensors is Replaced.ALL or not _known_before(state.network, state.moments, layer)

    def _measured(self, state: Compilation) -> dict[str, _Sums]:
        data = self._data(state)
        exposed = expose_sums(state.network)
        seen: dict[str, _Sums] = {}

        def see(name: str, values: npt.NDArray[Any]) -> None:
            seen.setdefault(name, _Sums()).add(values)

        total = min(self.images, len(next(iter(data.values()))))
        for start in range(0, total, self.batch):
            state.progress(f"measuring moments: image {start} of {total}")
            stop = min(start + self.batch, total)
            reference.run(exposed, {name: x[start:stop] for name, x in data.items()}, observe=see)
        return seen

    def _data(self, state: Compilation) -> Mapping[str, npt.NDArray[Any]]:
        if self.source is MomentSource.SYNTHETIC:
            return synthetic_inputs(state.network, self.images, self.seed)
        if state.calibration is None:
            raise InputError("moments are measured on calibration data", key="calibration", found="none")
        return state.calibration


class _Sums:
    """Counts, sums and squares of each channel."""

    def __init__(self) -> None:
        self._count, self._sum, self._squares = 0, np.zeros(1), np.zeros(1)

    def add(self, values: npt.NDArray[Any]) -> None:
        pixels = values.reshape(-1, values.shape[-1])
        self._count += len(pixels)
        self._sum = self._sum + pixels.sum(axis=0, dtype=np.float64)
        self._squares = self._squares + np.einsum("pc,pc->c", pixels, pixels, dtype=np.float64)

    @property
    def moments(self) -> tuple[Vector, Vector]:
        """Mean and variance."""
        mean = self._sum / self._count
        return mean, np.maximum(self._squares / self._count - mean**2, 0.0)


def _moments(layer: Layer, seen: Mapping[str, _Sums]) -> Moments:
    mean, variance = seen[layer.outputs[0]].moments
    if not isinstance(layer, MacLayer):
        low, high = (layer.clip if isinstance(layer, FusingLayer) else None) or (None, None)
        lowest = np.full(mean.shape, -np.inf if low is None else low)
        highest = np.full(mean.shape, np.inf if high is None else high)
        return Moments(mean, variance, lowest, highest, (mean, np.sqrt(variance)))
    centre, spread = seen[sums_tensor(layer)].moments
    clipped = layer.activated(Moments.normal(centre, np.sqrt(spread)))
    return Moments(mean, variance, clipped.low, clipped.high, clipped.gaussian)


def _known_before(network: Network, known: Mapping[str, Moments], layer: Layer) -> bool:
    """Whether moments are known of the layer's output, or of a tensor that it comes from."""
    waiting, visited = [layer.outputs[0]], set()
    while waiting:
        tensor = waiting.pop()
        if tensor in known:
            return True
        producer = network.producers.get(tensor)
        if producer is not None and tensor not in visited:
            visited.add(tensor)
            waiting += producer.inputs
    return False
