"""A recipe's weights alone: dequantized, in the float network, all else in float."""

from __future__ import annotations

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


def measure(network: Network, changed: Network, samples: Samples) -> tuple[int, dict[str, Any]]:
    """How many samples, and the task's measure of both, the changed network in place of integers."""
    task = network.task or Task(kind=TaskKind.CLASSIFICATION)
    fitting = Fitting(samples.row_shape, network.inputs[0].shape, None, network.preprocess)
    judged = measure_for(task, {name: changed.shapes[name] for name in changed.outputs})
    sides = [FloatSide(one, changed.outputs, fitting.inputs) for one in (network, changed)]
    size = min(side.samples for side in sides)
    records: list[Records] = []
    for start in range(0, len(samples), size):
        batch = samples.read(start, min(start + size, len(samples)))
        raw = fitting(batch.raw)
        real, other = (side.outputs(raw) for side in sides)
        read = real_inputs(network, raw)[network.inputs[0].name]
        records.append(judged.record(Answers(len(batch.raw), read, real, other, batch.labels)))
    joined = {name: np.concatenate([one[name] for one in records]) for name in records[0]}
    return len(samples), judged.conclude(joined)
