"""Runs the float network over calibration data and remembers what its tensors held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim import reference
from npusim.compiler.histogram import Extremes, Histogram
from npusim.errors import InputError
from npusim.network import Network


@dataclass(frozen=True)
class Observations:
    """Extremes of every tensor, and histograms if they were asked for."""

    extremes: dict[str, Extremes]
    histograms: dict[str, Histogram]


def observe(
    network: Network,
    calibration: Mapping[str, npt.NDArray[Any]],
    batch: int,
    *,
    histograms: bool,
    tell: Callable[[str], None],
) -> Observations:
    """Two runs: the first finds the extremes, the second fills histograms between them."""
    extremes = {name: Extremes() for name in network.shapes}
    _walk(network, calibration, batch, lambda name, x: extremes[name].add(x), "finding ranges", tell)
    for name, found in extremes.items():
        if not np.isfinite([found.low, found.high]).all():
            raise InputError("the float network makes NaN or infinity on the calibration data", found=name)
    filled: dict[str, Histogram] = {}
    if histograms:
        filled = {name: Histogram(found) for name, found in extremes.items()}
        _walk(network, calibration, batch, lambda name, x: filled[name].add(x), "counting values", tell)
    return Observations(extremes, filled)


def _walk(
    network: Network,
    calibration: Mapping[str, npt.NDArray[Any]],
    batch: int,
    see: Callable[[str, npt.NDArray[Any]], None],
    what: str,
    tell: Callable[[str], None],
) -> None:
    total = len(next(iter(calibration.values())))
    for done, part in _parts(calibration, total, batch):
        tell(f"{what}: image {done} of {total}")
        reference.run(network, part, observe=see)


def _parts(
    calibration: Mapping[str, npt.NDArray[Any]], total: int, batch: int
) -> Iterator[tuple[int, dict[str, npt.NDArray[Any]]]]:
    for start in range(0, total, batch):
        yield start, {name: data[start : start + batch] for name, data in calibration.items()}
