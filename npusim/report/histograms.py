"""Histograms of accumulators, on an axis of bits: how far from its register's ends each step stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import Program
from npusim.simulator import Simulator

BINS_PER_BIT = 1

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of one step's accumulators.

    Attributes
    ----------
    bits
        The axis goes from -bits to bits.
    counts : int64[2 * bits * BINS_PER_BIT]
        Between them, in equal bins of `signed_log`.
    """

    bits: int
    counts: npt.NDArray[np.int64]


def signed_log(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """``sign(v) * log2(1 + |v|)``: the ends of a register of n bits are -(n - 1) and n - 1.

    Examples
    --------
    >>> signed_log([-7, 0, 2**31 - 1]).tolist()
    [-3.0, 0.0, 31.0]
    """
    real = np.asarray(values, np.float64)
    bits: npt.NDArray[np.float64] = np.sign(real) * np.log2(1.0 + np.abs(real))
    return bits


def accumulator_histograms(
    program: Program,
    images: Iterable[Array],
    count: int,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Histogram]:
    """Of every step that has accumulators, over `count` images.

    Parameters
    ----------
    images
        Single images, as the program reads them.
    """
    datapath = program.datapath
    steps = [step.name for step in program.ordered_steps if "accumulator" in step.taps(datapath)]
    simulator = Simulator(program)
    bits = datapath.mac.accumulator.bits
    found: dict[str, Histogram] = {}
    for done, image in enumerate(images):
        result = simulator.run(image[None], taps=[f"{name}:accumulator" for name in steps], threads=threads)
        for name in steps:
            _see(found, name, result.taps[name]["accumulator"], bits)
        if progress is not None:
            progress(done + 1, count)
    return found


def _see(found: dict[str, Histogram], name: str, values: Array, bits: int) -> None:
    """Count one image's accumulators of one step."""
    edges = np.linspace(-bits, bits, 2 * bits * BINS_PER_BIT + 1)
    counts = np.histogram(signed_log(values), edges)[0].astype(np.int64)
    known = found.get(name)
    found[name] = Histogram(bits, counts if known is None else known.counts + counts)
