"""The program in the making: steps instead of a network's layers, in the layout that views keep track of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from pydantic import ValidationError

from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.onnx.graph import Array, OnnxGraph, OnnxNode
from npusim.importers.onnx.input_layout import stored_order
from npusim.importers.onnx.views import View
from npusim.importers.qdq.pixels import copied_places
from npusim.importers.qdq.quantization import Quantization
from npusim.model import Shape
from npusim.program import STEPS, RealTensor
from npusim.steps.base import Step, TensorType

_STEPS_OF_LAYERS = {"max_pool2d": "max_pool", "flatten": "reshape", "resize": "resize_nearest"}
"""Converters of float models that move elements and compare them are used as they are."""


@dataclass(frozen=True)
class Coded:
    """A tensor of codes, or constant codes, with their meaning.

    Attributes
    ----------
    content
        Constants are as ONNX stores them.
    """

    content: Tensor | Array
    meaning: Quantization


class StepBuilder(Builder):
    """What converters read and write.

    Attributes
    ----------
    values
        Of ONNX tensors the program's tensor that holds their codes, dequantized ones too; and constants.
    meanings
        What those codes mean.
    """

    def __init__(self, graph: OnnxGraph, datapath: Datapath) -> None:
        super().__init__(graph)
        self._names.clear()
        self.graph, self.datapath = graph, datapath
        self.meanings: dict[str, Quantization] = {}
        self.steps: list[Step] = []
        self.tensors: dict[str, TensorType] = {}
        self.real: dict[str, RealTensor] = {}
        self.accumulators: dict[str, Array] = {}
        self.inputs: list[str] = []

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the datapath's codes."""
        return self.datapath.activation.dtype

    # steps

    def emit(self, node: OnnxNode, kind: str, inputs: Sequence[str], **fields: Any) -> str:
        """Add a step; returns its name, which its tensor shares."""
        if kind == "gather":
            return self._copied(node, inputs[0], **fields)
        if kind == "flatten":
            fields["shape"] = (prod(self.tensors[inputs[0]].shape),)
        if kind == "resize":
            fields = self._pixels(node, self.tensors[inputs[0]].shape, **fields)
        name = self.fresh_name(node.outputs[0] or node.name)
        try:
            step = STEPS[_STEPS_OF_LAYERS.get(kind, kind)](
                name=name, inputs=tuple(inputs), output=name, **fields
            )
            made = step.output_type([self.tensors[x] for x in inputs], self.datapath)
        except ValidationError as error:
            raise first_complaint(error).within(node.label) from None
        except InputError as error:
            raise error.within(node.label) from None
        self.steps.append(step)
        self.tensors[name] = made
        return name

    def _copied(self, node: OnnxNode, name: str, axis: int, indices: Array) -> str:
        """Elements of an axis, counted from the end, by their places: columns of an image."""
        shape = self.tensors[name].shape
        at = len(shape) + axis
        image = (prod(shape[:at]), shape[at], prod(shape[at + 1 :]))
        made = self.reshaped(node, name, shape, image)
        made = self.emit(node, "resize_nearest", (made,), rows=np.arange(image[0]), columns=indices)
        copied = (*shape[:at], len(indices), *shape[at + 1 :])
        return self.reshaped(node, made, self.tensors[made].shape, copied)

    def _pixels(
        self,
        node: OnnxNode,
        shape: Shape,
        *,
        size: Sequence[int],
        interpolation: str,
        coordinates: str,
        rounding: str,
    ) -> dict[str, Any]:
        """Which rows and columns a resize copies."""
        if interpolation != "nearest":
            raise node.error("resizes that copy pixels are supported", found=interpolation, allowed="nearest")
        scales = self.optional_constant(node, 2)
        return {
            name: copied_places(old, new, scales, coordinates, rounding)
            for name, old, new in zip(("rows", "columns"), shape[:2], size, strict=True)
        }

    def shape_of(self, node: OnnxNode, name: str, stored: Sequence[Shape]) -> Shape:
        """The shape of what a step makes."""
        return self.tensors[name].shape

    def constant_codes(self, node: OnnxNode, codes: Array) -> str:
        """A tensor that is the same for every image."""
        return self.emit(node, "constant", (), codes=codes.astype(np.int64))

    # inputs

    def add_input(self, name: str, source: str, meaning: Quantization) -> Tensor:
        """The program reads codes, as ONNX's `name`: those of the model's input `source`."""
        shape = self.graph.inputs[source]
        order = stored_order(self.graph, source, len(shape))
        stored = tuple(shape[axis] for axis in order)
        view = View.stored(stored, (1, *stored))
        axes = tuple(view.axes[0 if axis == 0 else 1 + order.index(axis)] for axis in range(len(shape)))
        tensor = Tensor(self.fresh_name(source), stored, View(view.atoms, axes))
        self.tensors[tensor.name] = TensorType(
            shape=stored, bits=8 * meaning.dtype.itemsize, signed=meaning.dtype.kind == "i"
        )
        self.inputs.append(tensor.name)
        self.set(name, tensor, meaning)
        return tensor

    # meanings

    def set(self, name: str, tensor: Tensor, meaning: Quantization) -> None:
        """Say which codes an ONNX tensor is."""
        self.values[name], self.meanings[name] = tensor, meaning
        self.real.setdefault(tensor.name, RealTensor(scale=float(meaning.scale), zero_point=meaning.zero))

    def is_coded(self, name: str) -> bool:
        """Whether an ONNX tensor is computed, and as codes."""
        return name in self.meanings and isinstance(self.values.get(name), Tensor)
