"""Variables that a model keeps from one image to the next: inputs and outputs of the program.

The program is a function: each variable that is read is an input, what is assigned to it an output, to be
fed back with the next image. `Program.notes` says which is which and with which code they start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from npusim.importers.tflite.builder import CODES, Builder
from npusim.importers.tflite.graph import Array, Graph, Operator


@dataclass
class Variables:
    """A model's variables.

    Attributes
    ----------
    names
        By the index of a handle's tensor the variable.
    inputs
        By variable the program's input that holds what it was before the image.
    values
        By variable the program's tensor that it is now.
    """

    names: dict[int, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def next_values(self) -> list[str]:
        """What is fed back."""
        return [self.values[name] for name in self.inputs]

    def notes(self, graph: Graph) -> tuple[str, ...]:
        """What the program's user has to know."""
        initial = _initial(graph)
        made = []
        for name, value in self.inputs.items():
            start = "not known" if name not in initial else _summary(initial[name])
            made.append(f"variable {name}: feed {self.values[name]} back as {value}; it starts as {start}")
        return tuple(made)


def convert_variable(operator: Operator, builder: Builder, variables: Variables) -> None:
    """An operator on variables."""
    _CONVERTERS[operator.op](operator, builder, variables)


def _handle(operator: Operator, builder: Builder, variables: Variables) -> None:
    index = builder.output(operator).index
    variables.names[index] = operator.text("SharedName") or builder.output(operator).name


def _name(operator: Operator, variables: Variables) -> str:
    found = variables.names.get(operator.inputs[0]) if operator.inputs else None
    if found is None:
        raise operator.error("reads no handle of a variable", allowed="VAR_HANDLE in the main graph")
    return found


def _read(operator: Operator, builder: Builder, variables: Variables) -> None:
    name, made = _name(operator, variables), builder.output(operator)
    if made.kind not in CODES or not made.scales.size:
        raise operator.error("variables of codes are supported", found=made.kind, allowed=", ".join(CODES))
    if name not in variables.values:
        variables.inputs[name] = variables.values[name] = builder.add_input(made)
    else:
        builder.finish(operator, variables.values[name])


def _assign(operator: Operator, builder: Builder, variables: Variables) -> None:
    variables.values[_name(operator, variables)] = builder.value(operator, 1)


_CONVERTERS: dict[str, Callable[[Operator, Builder, Variables], None]] = {
    "ASSIGN_VARIABLE": _assign,
    "CALL_ONCE": lambda operator, builder, variables: None,
    "READ_VARIABLE": _read,
    "VAR_HANDLE": _handle,
}

ON_VARIABLES = frozenset(_CONVERTERS)


def _initial(graph: Graph) -> dict[str, Array]:
    """The constants that variables are assigned before the first image."""
    found = {}
    for once in graph.initial.values():
        names = {
            operator.outputs[0]: operator.text("SharedName")
            for operator in once.operators
            if operator.op == "VAR_HANDLE" and operator.outputs
        }
        for operator in once.operators:
            if operator.op == "ASSIGN_VARIABLE" and len(operator.inputs) == 2:
                handle, value = operator.inputs
                data = once.tensors[value].data
                if handle in names and data is not None:
                    found[names[handle]] = data
    return found


def _summary(codes: Array) -> str:
    values = np.unique(codes)
    return f"code {values[0]}" if values.size == 1 else f"{values.size} codes that the file holds"
