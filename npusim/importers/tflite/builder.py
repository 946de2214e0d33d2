"""The program in the making, and what converters ask about the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.tflite.graph import Array, Graph, Operator, Tensor
from npusim.model import Shape
from npusim.program import RealTensor
from npusim.steps.base import Step, TensorType
from npusim.steps.constant import ConstantStep
from npusim.steps.reshape import ReshapeStep

S = TypeVar("S", bound=Step)

CODES = {"INT8": (8, True), "UINT8": (8, False), "INT16": (16, True)}
"""The types that programs compute with: bits, signed."""

_UNUSUAL = re.compile(r"[^A-Za-z0-9_.:/+-]")
_LONGEST = 120


def stripped(shape: Sequence[int]) -> Shape:
    """A shape without its batch of 1; a scalar becomes one value.

    Examples
    --------
    >>> stripped((1, 7, 7, 16)), stripped((1, 10)), stripped((640,)), stripped(())
    ((7, 7, 16), (10,), (640,), (1,))
    """
    shape = tuple(shape)
    return (shape[1:] if len(shape) > 1 and shape[0] == 1 else shape) or (1,)


class Builder:
    """Steps and tensors of the program; for each tensor of the model what it became.

    Attributes
    ----------
    values
        By the model's tensor index the program's tensor.
    host
        Tensors of the model that the program leaves to its host: floats and what is made of them.
    constants
        By the model's tensor index what was computed of shapes and constants.
    """

    def __init__(self, graph: Graph, datapath: Datapath) -> None:
        self.graph, self.datapath = graph, datapath
        self.constants: dict[int, Array] = {}
        self.steps: list[Step] = []
        self.tensors: dict[str, TensorType] = {}
        self.real: dict[str, RealTensor] = {}
        self.accumulators: dict[str, Array] = {}
        self.inputs: list[str] = []
        self.values: dict[int, str] = {}
        self.host: set[int] = set()

    # --- what the model says

    def tensor(self, operator: Operator, place: int) -> Tensor:
        """An operator's input that must be given."""
        if place >= len(operator.inputs) or operator.inputs[place] < 0:
            raise operator.error(f"input {place} is missing")
        return self.graph.tensors[operator.inputs[place]]

    def output(self, operator: Operator, place: int = 0) -> Tensor:
        """An operator's output."""
        if place >= len(operator.outputs):
            raise operator.error(f"output {place} is missing")
        return self.graph.tensors[operator.outputs[place]]

    def known(self, tensor: Tensor) -> Tensor:
        """A tensor with the data that are known of it."""
        found = self.constants.get(tensor.index)
        return tensor if found is None else replace(tensor, data=found)

    def has_input(self, operator: Operator, place: int) -> bool:
        """Whether an optional input is given."""
        return place < len(operator.inputs) and operator.inputs[place] >= 0

    def constant(self, operator: Operator, place: int) -> Array:
        """An input that must be a constant."""
        data = self.known(self.tensor(operator, place)).data
        if data is None:
            raise operator.error(f"input {place} must be a constant", found=self.tensor(operator, place).name)
        return data

    def integers(self, operator: Operator, place: int) -> tuple[int, ...]:
        """A constant list of whole numbers: a shape, axes, paddings row by row."""
        data = self.constant(operator, place)
        if data.dtype.kind not in "iu":
            raise operator.error(f"input {place} must hold integers", found=str(data.dtype))
        return tuple(int(value) for value in data.reshape(-1))

    # --- the program

    def value(self, operator: Operator, place: int) -> str:
        """The program's tensor of an input; constants become a step of their own."""
        tensor = self.tensor(operator, place)
        if tensor.index not in self.values:
            if tensor.data is None:
                raise operator.error(f"input {place} is no tensor of codes", found=tensor.kind)
            self._add_constant(operator, tensor)
        return self.values[tensor.index]

    def shape(self, value: str) -> Shape:
        """A program tensor's shape."""
        return self.tensors[value].shape

    def reshaped(self, value: str, shape: Sequence[int], name: str) -> str:
        """The same codes in another shape."""
        shape = tuple(shape)
        if self.shape(value) == shape:
            return value
        return self.add(ReshapeStep, name, (value,), shape=shape)

    def add(self, kind: type[S], name: str, inputs: Sequence[str], **content: Any) -> str:
        """A step that makes a new tensor of this or a similar name."""
        name = self.fresh(name)
        try:
            step = kind(name=name, inputs=tuple(inputs), output=name, **content)
            made = step.output_type([self.tensors[x] for x in inputs], self.datapath)
        except ValidationError as error:
            raise first_complaint(error) from None
        self.steps.append(step)
        self.tensors[name] = made
        return name

    def finish(self, operator: Operator, value: str, place: int = 0) -> None:
        """Say that a program's tensor is an operator's output."""
        tensor = self.output(operator, place)
        wanted = stripped(tensor.shape)
        if prod(wanted) != prod(self.shape(value)):
            raise operator.error(
                "the file gives the output another shape", found=tensor.shape, allowed=str(self.shape(value))
            )
        self.values[tensor.index] = self.reshaped(value, wanted, tensor.name)
        self._describe(self.values[tensor.index], tensor)

    def add_input(self, tensor: Tensor) -> str:
        """The program reads a tensor of the model."""
        name = self.fresh(tensor.name)
        self.tensors[name] = self.type_of(tensor)
        self.inputs.append(name)
        self.values[tensor.index] = name
        self._describe(name, tensor)
        return name

    def type_of(self, tensor: Tensor) -> TensorType:
        """What a tensor of codes is in the program."""
        if tensor.kind not in CODES:
            raise tensor.error("not a type of codes", found=tensor.kind, allowed=", ".join(CODES))
        bits, signed = CODES[tensor.kind]
        try:
            return TensorType(shape=stripped(tensor.shape), bits=bits, signed=signed)
        except ValidationError as error:
            raise tensor.error(str(first_complaint(error)), found=tensor.shape) from None

    def fresh(self, name: str) -> str:
        """A name of the program's alphabet that is not taken."""
        last = name.rpartition(";")[2]
        plain = _UNUSUAL.sub("_", last)[:_LONGEST].lstrip(".:/+-") or "tensor"
        candidate, number = plain, 1
        while candidate in self.tensors:
            number += 1
            candidate = f"{plain}.{number}"
        return candidate

    def _add_constant(self, operator: Operator, tensor: Tensor) -> None:
        assert tensor.data is not None
        kind = self.type_of(tensor)
        if kind.codes.register != self.datapath.activation.register:
            raise operator.error("a constant of other codes than the activations", found=tensor.kind)
        codes = tensor.data.reshape(kind.shape).astype(np.int64)
        name = self.add(ConstantStep, tensor.name, (), codes=codes)
        self.values[tensor.index] = name
        self._describe(name, tensor)

    def _describe(self, name: str, tensor: Tensor) -> None:
        """Keep what codes mean; zero scales (tensors that are always zero) mean nothing."""
        if tensor.scales.size == 1 and tensor.scale > 0 and tensor.kind in CODES:
            self.real[name] = RealTensor(scale=float(tensor.scale), zero_point=tensor.zero_point)


def problem_of(operator: Operator, error: InputError) -> InputError:
    """An error of a step, told as the operator's."""
    if error.key is not None and error.key.startswith(("operator ", "tensor ")):
        return error
    what = error.problem if error.key is None else f"{error.key}: {error.problem}"
    return operator.error(what, found=error.found, allowed=error.allowed)
