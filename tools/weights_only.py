"""A recipe's weights alone: dequantized, in the float network, all else in float."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.compiler.base import Compilation
from npusim.compiler.host_end import without_host_end
from npusim.compiler.parts import in_parts
from npusim.compiler.passes.lower import Lower
from npusim.compiler.recipe import Recipe
from npusim.datapath import Datapath
from npusim.evaluation.fitting import Fitting
from npusim.evaluation.floats import FloatSide
from npusim.evaluation.measures.base import Answers, Records
from npusim.evaluation.measures.registry import measure_for
from npusim.evaluation.samples import Samples
from npusim.layers.mac_layer import MacLayer
from npusim.network import Network
from npusim.reference import real_inputs
from npusim.task import Task, TaskKind


def quantized_weights(
    network: Network, datapath: Datapath, recipe: Recipe, calibration: npt.NDArray[Any]
) -> Network:
    """The network as the recipe's passes before `lower` leave it, with weights that codes stand for."""
    network, _ = without_host_end(network, datapath)
    state = Compilation(in_parts(network), datapath, real_inputs(network, calibration))
    for step in recipe.passes:
        if isinstance(step, Lower):
            break
        state = step.run(state)
    layers = tuple(
        layer.replace(weights=state.weights[layer.name].dequantized())
        if isinstance(layer, MacLayer)
        else layer
        for layer in state.network.layers
    )
    return state.network.replace(layers=layers)


def measure(
    network: Network, changed: Network, samples: Samples, cache: Path | None = None
) -> tuple[int, dict[str, Any]]:
    """How many samples, and the task's measure of both, the changed network in place of integers.

    Parameters
    ----------
    cache
        Where the network's own answers are kept; None: nowhere.
    """
    task = network.task or Task(kind=TaskKind.CLASSIFICATION)
    fitting = Fitting(samples.row_shape, network.inputs[0].shape, None, network.preprocess)
    judged = measure_for(task, {name: changed.shapes[name] for name in changed.outputs})
    own = FloatSide(network, changed.outputs, fitting.inputs, cache)
    other = FloatSide(changed, changed.outputs, fitting.inputs)
    records: list[Records] = []
    for start in range(0, len(samples), own.samples):
        batch = samples.read(start, min(start + own.samples, len(samples)))
        raw = fitting(batch.raw)
        read = real_inputs(network, raw)[network.inputs[0].name]
        answers = Answers(len(batch.raw), read, own.outputs(raw), other.outputs(raw), batch.labels)
        records.append(judged.record(answers))
    joined = {name: np.concatenate([one[name] for one in records]) for name in records[0]}
    return len(samples), judged.conclude(joined)
