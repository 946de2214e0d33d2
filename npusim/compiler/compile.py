"""Run a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from npusim.compiler.base import Compilation, Progress
from npusim.compiler.host_end import without_host_end
from npusim.compiler.parts import in_parts
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.changes import parse_path
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.network import Network
from npusim.program import Program
from npusim.reference import real_inputs


def compile_network(
    network: Network,
    datapath: Datapath | str | Path,
    recipe: Recipe | str | Path = "wes",
    calibration: npt.ArrayLike | Mapping[str, npt.ArrayLike] | None = None,
    *,
    progress: Progress = lambda _: None,
) -> Program:
    """Compile a float network into an integer program.

    A softmax or an L2 normalization at the end that the datapath does not compute is left to the host: the
    program ends before it, and says so in its notes.

    Parameters
    ----------
    datapath, recipe
        A preset's name, a path, or the thing itself.
    calibration
        Unlabelled inputs: raw integers, which go through the network's preprocess block, or floats.
    progress
        Told in words what is being done.

    Raises
    ------
    InputError
        If the network cannot be compiled for the datapath by this recipe.
    """
    recipe = load_recipe(recipe)
    datapath, notes = _with_needs(load_datapath(datapath), recipe)
    data = None if calibration is None else real_inputs(network, calibration)
    network, ends = without_host_end(network, datapath)
    state = Compilation(in_parts(network), datapath, data, notes=(*notes, *ends), progress=progress)
    for index, step in enumerate(recipe.passes, 1):
        progress(step.kind.replace("_", " "))
        state = step.run(state.with_(ahead=recipe.passes[index:]))
    if state.program is None:
        raise InputError("the recipe makes no program", key="passes", allowed="a list that ends with lower")
    return state.program.replace(notes=state.notes, recipe=recipe.name)


def _with_needs(datapath: Datapath, recipe: Recipe) -> tuple[Datapath, tuple[str, ...]]:
    """The datapath with what the recipe needs, and what was changed for it."""
    data = datapath.model_dump(mode="json", exclude_none=True)
    lacking = {path: value for path, value in recipe.needs.items() if _value_at(data, path) != value}
    if not lacking:
        return datapath, ()
    name = f"{datapath.name}_{recipe.variant or recipe.name}"
    changes = ", ".join(f"{path} = {value}" for path, value in lacking.items())
    note = f"the recipe {recipe.name} needs {changes}: compiled for {name}, not {datapath.name}"
    return change_datapath(datapath, lacking, name), (note,)


def _value_at(data: Any, path: str) -> Any:
    for part in parse_path(path):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
