"""Before compiling: which layers a datapath's fields cannot hold, and what the compiler makes of it.

What a network would put into the fields is found by compiling it for the same datapath with wider ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.legality import Misfit, legality, unnormalised
from npusim.compiler.base import Progress
from npusim.compiler.compile import compile_network
from npusim.compiler.recipe import Recipe
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.network import Network
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.scale import Part
from npusim.steps.base import Step

_MORE_BITS = {"inverse_shift": 3, "bias": 8}
"""How many bits wider the fields are with which a network is asked what it would put into them."""
_SHIFT_BITS = (6, 7)
"""To how many bits shifts are widened, the last that can be computed."""
_SHIFTS = (Part.SHIFT, Part.SHORT_SHIFT, Part.RIGHT, Part.LEFT)


@dataclass(frozen=True)
class Adjustment:
    """One thing that does not fit.

    Attributes
    ----------
    misfit
        What the layer would hold, what the datapath allows, and what would do.
    instead
        What the compiled program holds there; None: there is no such program.
    """

    misfit: Misfit
    instead: str | None


@dataclass(frozen=True)
class NetworkLegality:
    """The answer.

    Attributes
    ----------
    adjustments
        Everything that does not fit, step by step.
    refused
        Why the compiler makes no program of it; None: it does.
    unnormalised
        Steps of the program whose multiplier leaves bits of its field unused: less precise.
    notes
        The compiler's own.
    asked
        Which fields were widened, as paths of a datapath and their width; others are not judged.
    """

    network: str
    datapath: str
    adjustments: tuple[Adjustment, ...]
    refused: str | None
    unnormalised: tuple[str, ...]
    notes: tuple[str, ...]
    asked: Mapping[str, int]


def network_legality(
    network: Network,
    datapath: Datapath | str | Path,
    recipe: Recipe | str | Path = "wes",
    calibration: npt.ArrayLike | Mapping[str, npt.ArrayLike] | None = None,
    *,
    progress: Progress = lambda _: None,
) -> NetworkLegality:
    """Ask what of a network a datapath's fields cannot hold.

    Parameters
    ----------
    network, datapath, recipe, calibration, progress
        As for `compile_network`.

    Raises
    ------
    InputError
        If the network cannot be compiled even with wider fields.
    """
    program, refused = None, None
    chosen = load_datapath(datapath)
    try:
        program = compile_network(network, chosen, recipe, calibration, progress=progress)
        chosen = program.datapath
    except InputError as error:
        refused = str(error)
    wide, asked = _widened(chosen)
    ideal = compile_network(network, wide, recipe, calibration, progress=progress)
    return NetworkLegality(
        network.name,
        chosen.name,
        tuple(_adjustments(legality(ideal, chosen), program)),
        refused,
        () if program is None else unnormalised(program, chosen),
        () if program is None else program.notes,
        asked,
    )


def _widened(datapath: Datapath) -> tuple[Datapath, dict[str, int]]:
    """The datapath with wider fields, as far as it can be computed; which ones."""
    asked: dict[str, int] = {}
    made = datapath
    for paths in _wider(datapath):
        try:
            made = change_datapath(made, paths, datapath.name)
        except InputError:  # results would leave the words that are computed with
            continue
        asked |= {path: bits for path, bits in paths.items() if not path.startswith("pipelines")}
    return made, asked


def _wider(datapath: Datapath) -> Iterator[dict[str, int]]:
    for name, part in datapath.scale.parts.items():
        if part in _SHIFTS and name in datapath.fields:
            yield from (
                {f"fields.{name}.bits": bits} for bits in _SHIFT_BITS if bits > datapath.fields[name].bits
            )
    if "inverse_shift" in datapath.fields:
        yield {
            "fields.inverse_shift.bits": datapath.fields["inverse_shift"].bits + _MORE_BITS["inverse_shift"]
        }
    more, mac = _MORE_BITS["bias"], datapath.mac
    stages = {
        f"pipelines.{operation}.result[{index}].bits": stage.bits + more
        for operation, pipeline in datapath.pipelines.items()
        for index, stage in enumerate(pipeline.result or ())
        if stage.bits is not None and stage.overflow is None
    }
    accumulator = {"mac.accumulator.bits": mac.accumulator.bits + more, "mac.bias.bits": mac.bias.bits + more}
    yield {**accumulator, **stages}


def _adjustments(misfits: tuple[Misfit, ...], program: Program | None) -> Iterator[Adjustment]:
    steps = {} if program is None else {step.name: step for step in program.steps}
    for misfit in misfits:
        step = steps.get(misfit.step)
        yield Adjustment(misfit, None if step is None else _held(step, misfit.key))


def _held(step: Step, key: str) -> str | None:
    """What a step holds under a key such as ``fields.shift``, as a range."""
    place, _, name = key.partition(".")
    found: Any = getattr(step, place.partition("[")[0], None)
    if "[" in place and found is not None:
        found = found[int(place.partition("[")[2].rstrip("]"))]
    if name and isinstance(found, Mapping):
        found = found.get(name)
    if found is None or isinstance(found, (str, Mapping)):
        return None
    return str(Interval(int(np.min(found)), int(np.max(found))))
