"""LiteRT's reference kernels, and programs compared with them tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from npusim.importers.tflite.importer import ImportedModel
from npusim.simulator import Simulator
from tools.comparison import Comparison

Array = npt.NDArray[Any]


class Reference:
    """The reference kernels (not the optimized ones, which are not exact) on a model.

    Parameters
    ----------
    content
        Of the .tflite file.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter = Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._inputs = self._interpreter.get_input_details()

    def run(self, inputs: Sequence[Array]) -> None:
        """One image."""
        for detail, values in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(detail["index"], values.reshape(detail["shape"]))
        self._interpreter.invoke()

    def tensor(self, index: int) -> Array:
        """A tensor of the last run, by the model's index."""
        found: Array = self._interpreter.get_tensor(index)
        return found


class Comparer:
    """A model's program beside the reference: every tensor that both compute is compared.

    The program runs twice: with every tensor tapped, and as its users run it, for the outputs.
    """

    def __init__(self, content: bytes, imported: ImportedModel) -> None:
        self.program = imported.program
        self._tensors = imported.tensors
        self._reference, self._simulator = Reference(content), Simulator(imported.program)
        self._points = {step.output: step.name for step in self.program.steps}

    def add(self, inputs: Sequence[Array], found: Comparison) -> None:
        """Compare one image, codes for each input."""
        feed = {name: x[np.newaxis] for name, x in zip(self.program.input_names, inputs, strict=True)}
        self._reference.run(inputs)
        taps = self._simulator.run(feed, taps=[f"{name}:output" for name in self._points.values()]).taps
        direct = self._simulator.run(feed).outputs
        computed = {index: name for index, name in self._tensors.items() if name in self._points}
        found.images += 1
        found.tensors = len(computed)
        for index, name in computed.items():
            wanted = self._reference.tensor(index).reshape(-1)
            found.count(taps[self._points[name]]["output"], wanted, name)
            if name in direct:
                found.count(direct[name], wanted, f"{name} (untapped)")


def random_codes(imported: ImportedModel, rng: np.random.Generator) -> list[Array]:
    """Codes of the whole range for every input of a program."""
    made = []
    for x in imported.program.inputs:
        codes = imported.program.tensors[x.name].codes.interval
        made.append(rng.integers(codes.low, codes.high + 1, x.shape).astype(x.dtype))
    return made
