"""The bundled networks through the whole tool: compile, run, compare, write vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.compiler import compile_network
from npusim.evaluate import Evaluation, evaluate
from npusim.files.data import open_data
from npusim.network import load_network
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.vectors import VectorFormat, write_vectors

NETWORKS = Path(__file__).parent / "configs" / "networks"
RECIPES = ("layerwise", "per_channel", "wes")
BUNDLED = {
    "digits": "as it was trained",
    "digits_rescaled": "the same function; some channels' weights were scaled by powers of two, 2^-8 to 1",
}
"""The bundled networks, and what they are."""

Tell = Callable[[str], None]
Batch = tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]


@dataclass(frozen=True)
class DemoRow:
    """One network compiled by one recipe and run over the test images."""

    network: str
    recipe: str
    program: Program
    evaluation: Evaluation

    @property
    def output_sqnr(self) -> float:
        """SQNR of the answers in dB."""
        return next(iter(self.evaluation.outputs.values()))

    @property
    def accumulator_bits(self) -> tuple[int, int]:
        """The most bits any accumulator was proven to need, and was seen to need."""
        found = self.evaluation.statistics.values()
        proven = max(s.reachable.bits for s in found if s.reachable is not None)
        seen = max(
            Interval(s.accumulator.lowest, s.accumulator.highest).bits
            for s in found
            if s.accumulator is not None
        )
        return proven, seen

    @property
    def overflows(self) -> int:
        """Accumulators that overflowed, over all steps and images."""
        return sum(found.overflows for found in self.evaluation.statistics.values())


def bundled(name: str) -> Path:
    """The path of a bundled network or data file."""
    return NETWORKS / name


def load_images(name: str) -> Batch:
    """A bundled data file, whole."""
    with open_data(bundled(name)) as file:
        return file.read(0, file.shape[0]), file.labels


def run_demo(datapath: str, tell: Tell, threads: int | None = None) -> list[DemoRow]:
    """Compile the bundled networks by each recipe, run them bit-exactly, compare with float.

    Parameters
    ----------
    tell
        Told what is being done.
    """
    calibration, _ = load_images("digits_calibration.h5")
    test = load_images("digits_test.h5")
    rows = []
    for name in BUNDLED:
        network = load_network(bundled(f"{name}.yaml"))
        for recipe in RECIPES:
            tell(f"{name}: compiling by {recipe}, running {len(test[0])} images")
            program = compile_network(network, datapath, recipe, calibration)
            rows.append(DemoRow(name, recipe, program, evaluate(network, program, [test], threads=threads)))
    return rows


def write_demo_vectors(rows: list[DemoRow], folder: Path, tell: Tell) -> int:
    """Golden vectors of the last row's program; returns how many words."""
    images, _ = load_images("digits_test.h5")
    tell("writing golden vectors")
    manifest = write_vectors(rows[-1].program, images[:1], folder, format=VectorFormat.HEX, images=1)
    return manifest.words
