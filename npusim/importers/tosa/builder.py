"""The program in the making, and what converters ask about the graph.

Tensors of the program have the graph's shapes, batch included; only its inputs and outputs leave out a
leading size of one, which is the batch that a program does not have. A shape of no sizes becomes (1,).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.tosa.graph import Array, Graph, NotConstantError, Operator, Tensor, UnsupportedError
from npusim.model import Shape
from npusim.spec.interval import Interval
from npusim.spec.width import Width, wrap
from npusim.steps.base import Step, TensorType
from npusim.steps.constant import ConstantStep
from npusim.steps.recode import RecodeStep
from npusim.steps.reshape import ReshapeStep

S = TypeVar("S", bound=Step)

CODES = {
    "BOOL": Width(1, signed=False),
    "INT4": Width(4),
    "INT8": Width(8),
    "INT16": Width(16),
    "INT32": Width(32),
    "INT48": Width(48),
}
"""The types that programs compute with."""

_UNUSUAL = re.compile(r"[^A-Za-z0-9_.:/+-]")
_LONGEST = 120


def stripped(shape: Sequence[int]) -> Shape:
    """A shape without its batch of one; a single value has the shape (1,).

    Examples
    --------
    >>> stripped((1, 7, 7, 16)), stripped((4, 10)), stripped((1,)), stripped(())
    ((7, 7, 16), (4, 10), (1,), (1,))
    """
    shape = tuple(shape)
    return (shape[1:] if len(shape) > 1 and shape[0] == 1 else shape) or (1,)


class Builder:
    """Steps and tensors of the program; for each tensor of the graph what it became.

    Parameters
    ----------
    bound
        Values of graph inputs, by name: to the program they are constants.

    Attributes
    ----------
    values
        By the graph's tensor name the program's tensor.
    """

    def __init__(self, graph: Graph, datapath: Datapath, bound: Mapping[str, Array]) -> None:
        self.graph, self.datapath = graph, datapath
        self.tensors_of_graph = {**graph.tensors, **_with_data(graph, bound)}
        self.steps: list[Step] = []
        self.tensors: dict[str, TensorType] = {}
        self.inputs: list[str] = []
        self.values: dict[str, str] = {}
        for name in graph.inputs:
            if name not in bound:
                self._add_input(self.tensors_of_graph[name])

    # --- what the graph says

    def tensor(self, operator: Operator, place: int) -> Tensor:
        """An operator's input."""
        return self.tensors_of_graph[operator.inputs[place]]

    def output(self, operator: Operator) -> Tensor:
        """An operator's output."""
        return self.tensors_of_graph[operator.outputs[0]]

    def constant(self, operator: Operator, place: int) -> Array:
        """An input that must be known when the graph is imported; int64."""
        tensor = self.tensor(operator, place)
        if tensor.data is None:
            raise NotConstantError(
                f"input {place} must be stored in the program, but is computed or fed",
                key=operator.key,
                found=tensor.name,
                allowed="a constant, or a graph input that is bound",
            )
        return tensor.data

    def integers(self, operator: Operator, place: int) -> tuple[int, ...]:
        """A constant as a list."""
        return tuple(int(value) for value in self.constant(operator, place).reshape(-1))

    # --- the program

    def value(self, operator: Operator, place: int, *, signed: bool | None = None) -> str:
        """The program's tensor of an input; constants become a step of their own.

        Parameters
        ----------
        signed
            How its bits are read; None: as they are written.
        """
        tensor = self.tensor(operator, place)
        value = self.value_of(tensor.name)
        kind = self.tensors[value]
        if signed is None or signed == kind.signed or tensor.kind == "BOOL":
            return value
        # The same bits, read the other way.
        codes, register = kind.codes.interval, Width(kind.bits, signed)
        table = [wrap(code, register)[0] for code in range(codes.low, codes.high + 1)]
        name = f"{value}/{'signed' if signed else 'unsigned'}"
        return self.add(
            RecodeStep, name, (value,), bits=kind.bits, signed=signed, table=np.array([table], np.int64)
        )

    def value_of(self, name: str) -> str:
        """The program's tensor of a tensor of the graph."""
        if name not in self.values:
            self._add_constant(self.tensors_of_graph[name])
        return self.values[name]

    def shape(self, value: str) -> Shape:
        """A program tensor's shape."""
        return self.tensors[value].shape

    def reshaped(self, value: str, shape: Sequence[int], name: str) -> str:
        """The same codes in another shape."""
        shape = tuple(shape) or (1,)
        if self.shape(value) == shape:
            return value
        return self.add(ReshapeStep, name, (value,), shape=shape)

    def add(self, kind: type[S], name: str, inputs: Sequence[str], **content: Any) -> str:
        """A step that makes a new tensor of this or a similar name."""
        name = self.fresh(name)
        kinds = [self.tensors[x] for x in inputs]
        try:
            step = kind(name=name, inputs=tuple(inputs), output=name, **content)
            made = step.output_type(kinds, self.datapath)
        except ValidationError as error:
            raise first_complaint(error) from None
        step.check(kinds, self.datapath)
        self.steps.append(step)
        self.tensors[name] = made
        return name

    def finish(self, operator: Operator, value: str) -> None:
        """Say that a program's tensor is an operator's output.

        Raises
        ------
        InputError
            If its shape or its codes are not those that the file gives the output.
        """
        tensor = self.output(operator)
        made = self.tensors[value]
        if made.shape != (tensor.shape or (1,)):
            allowed = str(made.shape)
            raise operator.error("the output has another shape", found=tensor.shape, allowed=allowed)
        declared = CODES[tensor.kind]
        room = Interval.of(Width(declared.bits, made.signed))
        if not made.codes.interval.within(room):
            allowed = f"room for {made.codes.register}"
            raise operator.error("the output has another type", found=tensor.kind, allowed=allowed)
        self.values[tensor.name] = value

    def fresh(self, name: str) -> str:
        """A name of the program's alphabet that is not taken."""
        plain = _UNUSUAL.sub("_", name)[:_LONGEST].lstrip(".:/+-") or "tensor"
        candidate, number = plain, 1
        while candidate in self.tensors:
            number += 1
            candidate = f"{plain}.{number}"
        return candidate

    def _add_input(self, tensor: Tensor) -> None:
        """The program reads a tensor of the graph."""
        register = _codes(tensor)
        name = self.fresh(tensor.name)
        signed = register.signed and not self._only_read_unsigned(tensor.name)
        try:
            self.tensors[name] = TensorType(shape=stripped(tensor.shape), bits=register.bits, signed=signed)
        except ValidationError as error:
            raise InputError(
                str(first_complaint(error)), key=f"tensor {tensor.name!r}", found=tensor.shape
            ) from None
        self.inputs.append(name)
        self.values[tensor.name] = self.reshaped(name, tensor.shape, f"{name}/whole")

    def _only_read_unsigned(self, name: str) -> bool:
        readers = [operator for operator in self.graph.operators if name in operator.inputs]
        return bool(readers) and all(
            reader.op == "RESCALE" and reader.flag("input_unsigned") for reader in readers
        )

    def _add_constant(self, tensor: Tensor) -> None:
        if tensor.data is None:
            raise InputError("a constant without values", key=f"tensor {tensor.name!r}")
        register = _codes(tensor)
        codes = tensor.data.reshape(tensor.shape or (1,))
        kind = {"bits": register.bits, "signed": register.signed}
        self.values[tensor.name] = self.add(ConstantStep, tensor.name, (), codes=codes, **kind)


def _codes(tensor: Tensor) -> Width:
    if tensor.kind not in CODES:
        raise UnsupportedError(
            "not a type of the integer profile",
            key=f"tensor {tensor.name!r}",
            found=tensor.kind,
            allowed=", ".join(CODES),
        )
    return CODES[tensor.kind]


def _with_data(graph: Graph, bound: Mapping[str, Array]) -> dict[str, Tensor]:
    """The graph inputs that have values."""
    made = {}
    for name, values in bound.items():
        if name not in graph.inputs:
            raise InputError("no such input to bind", found=name, allowed=", ".join(graph.inputs))
        tensor = graph.tensors[name]
        given = np.asarray(values)
        allowed = Interval.of(_codes(tensor))
        if given.shape != tensor.shape or given.dtype.kind not in "biu":
            wanted = f"integers of shape {tensor.shape}"
            raise InputError("does not fit the input", key=name, found=given.shape, allowed=wanted)
        codes = given.astype(np.int64)
        for code in (int(codes.min()), int(codes.max())):
            if code not in allowed:
                raise InputError("out of range", key=name, found=code, allowed=str(allowed))
        made[name] = replace(tensor, data=codes)
    return made


def problem_of(operator: Operator, error: InputError) -> InputError:
    """An error of a step, told as the operator's."""
    if error.key is not None and error.key.startswith(("operator ", "tensor ")):
        return error
    what = error.problem if error.key is None else f"{error.key}: {error.problem}"
    return operator.error(what, found=error.found, allowed=error.allowed)
