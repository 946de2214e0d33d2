"""A network run in float and in integers side by side, layer by layer, over all calibration data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.compiler.base import Compilation
from npusim.input_codes import quantize_floats
from npusim.layers.base import Layer
from npusim.layers.lowering import Lowering
from npusim.program import Program, Real
from npusim.simulator import simulate
from npusim.steps.base import TensorType, activation_type

Array = npt.NDArray[Any]


class TwoRuns:
    """Both networks up to some layer: what a layer reads, in float and as codes of what came before it.

    Layers are advanced in execution order, each with the weights and the bias that it has got by then.
    Tensors that nobody reads any more are let go.

    Attributes
    ----------
    floats, codes
        The tensors that are still needed, by name; all images.
    """

    def __init__(self, state: Compilation, images: Mapping[str, Array], batch: int) -> None:
        self._state, self._batch = state, batch
        self._last = {name: layer.name for layer in state.network.ordered_layers for name in layer.inputs}
        self.floats = {name: data.astype(np.float32) for name, data in images.items()}
        kind = state.datapath.activation
        self.codes: dict[str, Array] = {}
        self._types: dict[str, TensorType] = {}
        for tensor in state.network.inputs:
            meaning = state.quantization[tensor.name]
            made = quantize_floats(
                images[tensor.name], meaning.scale, meaning.zero_point, meaning.used(kind.interval)
            )
            self.codes[tensor.name] = made.astype(kind.dtype)
            self._types[tensor.name] = activation_type(tensor.shape, state.datapath)

    def advance(self, layer: Layer, state: Compilation) -> None:
        """Run a layer in both.

        Parameters
        ----------
        layer
            As the float network has it.
        state
            What the integers are made of: its layer of the same name, its weights.
        """
        own = next(one for one in state.network.layers if one.name == layer.name)
        self._integers(own, state)
        self._floats(layer)
        for name in layer.inputs:
            if self._last[name] == layer.name:
                self.floats.pop(name, None)
                self.codes.pop(name, None)

    def _integers(self, layer: Layer, state: Compilation) -> None:
        """Its steps alone, as a program of their own."""
        lowering = Lowering(state.datapath, state.network.shapes, state.quantization, state.weights)
        steps = tuple(layer.lower(lowering))
        types = {name: self._types[name] for name in layer.inputs}
        for step in steps:
            types[step.output] = step.output_type([types[name] for name in step.inputs], state.datapath)
        program = Program(
            name="layer",
            input_names=tuple(dict.fromkeys(layer.inputs)),
            output_names=layer.outputs,
            tensors=types,
            steps=steps,
            real=Real(),
            datapath=state.datapath,
        )
        made = simulate(program, {name: self.codes[name] for name in program.input_names}).outputs
        count = len(next(iter(self.codes.values())))
        for name in layer.outputs:  # a constant knows no batch
            self.codes[name] = made[name] if layer.inputs else np.repeat(made[name], count, axis=0)
            self._types[name] = types[name]

    def _floats(self, layer: Layer) -> None:
        count = len(next(iter(self.floats.values())))
        parts: list[tuple[Array, ...]] = []
        for start in range(0, count, self._batch):
            inputs = [self.floats[name][start : start + self._batch] for name in layer.inputs]
            made = layer.forward(inputs)
            size = min(self._batch, count - start)
            parts.append(
                made if inputs else tuple(np.repeat(x.astype(np.float32), size, axis=0) for x in made)
            )
        for index, name in enumerate(layer.outputs):
            self.floats[name] = np.concatenate([part[index] for part in parts])
