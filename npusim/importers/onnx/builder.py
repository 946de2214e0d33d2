"""Collects layers while an ONNX graph is converted, and keeps track of how tensors are stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from pydantic import ValidationError

from npusim.errors import InputError
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.onnx.folding import MAX_ELEMENTS
from npusim.importers.onnx.graph import Array, OnnxGraph, OnnxNode
from npusim.importers.onnx.views import View
from npusim.layers.base import Layer
from npusim.model import Shape
from npusim.network import LAYERS

_UNFIT = re.compile(r"[^A-Za-z0-9_.:/+-]+")
_CHANNELS_LAST = {2: (0, 1), 3: (0, 2, 1), 4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}


@dataclass(frozen=True)
class Tensor:
    """An ONNX tensor that the network computes.

    Attributes
    ----------
    name, stored
        The network's tensor that holds its elements, and its shape there (without the batch).
    view
        How it is read out of it.
    """

    name: str
    stored: Shape
    view: View

    @property
    def shape(self) -> tuple[int, ...]:
        """As ONNX sees it, batch included."""
        return self.view.shape

    @property
    def rank(self) -> int:
        """How many axes ONNX sees."""
        return len(self.view.axes)


class Builder:
    """What converters read and write.

    Attributes
    ----------
    values
        What each ONNX tensor is: a constant or a tensor of the network.
    origins
        Of tensors that were repeated, what they were before: arithmetic repeats its operands itself.
    readers
        Which nodes read each ONNX tensor.
    """

    def __init__(self, graph: OnnxGraph) -> None:
        self.values: dict[str, Tensor | Array] = dict(graph.constants)
        self.layers: dict[str, Layer] = {}
        self.batch = graph.batch
        self.origins: dict[tuple[str, View], Tensor] = {}
        self.readers = graph.readers()
        self._taken: dict[tuple[str, View, tuple[int, ...]], tuple[str, Shape]] = {}
        self._uses = graph.uses()
        self._names: set[str] = set()
        self.output_names = {output: self.fresh_name(output) for output in graph.outputs}

    # names

    def fresh_name(self, wanted: str) -> str:
        """A name of the wanted sort that a network allows and that is not taken."""
        plain = _UNFIT.sub("_", wanted).lstrip("/.:+-")[:150] or "tensor"
        name, number = plain, 2
        while name in self._names:
            name, number = f"{plain}_{number}", number + 1
        self._names.add(name)
        return name

    # reading

    def tensor(self, node: OnnxNode, index: int = 0) -> Tensor:
        """An input that must be computed by the network."""
        value = self.value(node, index)
        if not isinstance(value, Tensor):
            raise node.error(f"input {index} must not be a constant")
        return value

    def constant(self, node: OnnxNode, index: int) -> Array:
        """An input that must be constant."""
        value = self.value(node, index)
        if isinstance(value, Tensor):
            raise node.error(
                f"input {index} must be a constant",
                found=node.inputs[index],
                allowed="a value known beforehand",
            )
        return value

    def optional_constant(self, node: OnnxNode, index: int) -> Array | None:
        """A constant input that may be left out."""
        return self.constant(node, index) if node.has_input(index) else None

    def integers(self, node: OnnxNode, index: int) -> tuple[int, ...]:
        """A constant list of integers."""
        values = self.constant(node, index).reshape(-1)
        if values.dtype.kind not in "iu" or values.size > 64:
            raise node.error(f"input {index} must be a short list of integers", found=str(values.dtype))
        return tuple(int(value) for value in values)

    def scalar(self, node: OnnxNode, index: int) -> float | None:
        """A constant number that may be left out."""
        value = self.optional_constant(node, index)
        if value is None:
            return None
        if value.size != 1:
            raise node.error(f"input {index} must be one number", found=value.shape)
        return float(value.reshape(-1)[0])

    def value(self, node: OnnxNode, index: int) -> Tensor | Array:
        """An input, computed or constant."""
        if not node.has_input(index):
            raise node.error(f"input {index} is missing")
        return self.values[node.inputs[index]]

    def read_once(self, node: OnnxNode, index: int) -> bool:
        """Whether nothing but this node reads an input."""
        return self._uses[node.inputs[index]] == 1

    def is_read(self, name: str) -> bool:
        """Whether anything reads an ONNX tensor."""
        return self._uses[name] > 0

    def uses(self, name: str) -> int:
        """How often an ONNX tensor is read; being an output counts as well."""
        return self._uses[name]

    # layers

    def emit(self, node: OnnxNode, kind: str, inputs: Sequence[str], **fields: Any) -> str:
        """Add a layer; returns its name, which its tensor shares."""
        name = self.fresh_name(node.name)
        self.layers[name] = self.make(node, kind, name=name, inputs=tuple(inputs), **fields)
        return name

    def make(self, node: OnnxNode, kind: str, **fields: Any) -> Layer:
        """A layer whose fields are checked."""
        try:
            return LAYERS[kind](**fields)
        except ValidationError as error:
            raise first_complaint(error).within(node.label) from None

    def result(self, node: OnnxNode, name: str, stored: Sequence[Shape], order: Sequence[int]) -> Tensor:
        """What a layer makes of inputs with the shapes `stored`.

        Parameters
        ----------
        order
            For each stored axis the logical axis it is; logical axes that are not named have length 1.
        """
        return self.arranged(name, self.shape_of(node, name, stored), order, max(order) + 1)

    @staticmethod
    def arranged(name: str, stored: Shape, order: Sequence[int], rank: int) -> Tensor:
        """A tensor whose stored axes are these logical ones; the others have length 1."""
        view = View.stored(stored, stored)
        axes = tuple(view.axes[order.index(axis)] if axis in order else () for axis in range(rank))
        return Tensor(name, stored, View(view.atoms, axes))

    def shape_of(self, node: OnnxNode, name: str, stored: Sequence[Shape]) -> Shape:
        """The shape of what a layer makes."""
        try:
            made = self.layers[name].output_shapes(stored)[0]
        except InputError as error:
            raise error.within(node.label) from None
        if prod(made) > MAX_ELEMENTS:
            raise node.error("makes a tensor that is too large", found=made, allowed=f"{MAX_ELEMENTS} values")
        return made

    def drop_unread(self, outputs: Sequence[str]) -> None:
        """Take out the layers that no output depends on."""
        wanted = set(outputs)
        for layer in reversed(list(self.layers.values())):
            if wanted.intersection(layer.outputs):
                wanted |= set(layer.inputs)
        self.layers = {key: x for key, x in self.layers.items() if wanted.intersection(x.outputs)}

    # layouts

    def natural_order(self, x: Tensor) -> tuple[int, ...]:
        """Logical axes in the order in which they are stored, or the nearest to it; no batch of 1."""
        everything = tuple(range(x.rank))
        candidates = [_CHANNELS_LAST.get(x.rank, everything), everything]
        by_place = sorted(everything, key=lambda axis: (x.view.axes[axis] or (-1,))[0])
        for order in (*candidates, tuple(by_place)):
            if x.view.order_is_stored(order):
                return self.without_batch(order, x)
        return self.without_batch(candidates[0], x)

    def channels_last(self, x: Tensor) -> tuple[int, ...]:
        """Logical axes with axis 1 last; no batch."""
        return (*range(2, x.rank), 1)

    @staticmethod
    def without_batch(order: Sequence[int], *tensors: Tensor) -> tuple[int, ...]:
        """The order without axis 0 where it is a batch of 1 in all tensors."""
        batch = all(x.shape[0] == 1 for x in tensors) and len(order) > 1
        return tuple(axis for axis in order if not (batch and axis == 0))

    def take(self, node: OnnxNode, x: Tensor, order: Sequence[int]) -> tuple[str, Shape]:
        """A stored tensor whose axes are these logical axes; inserts layers only where it must."""
        key = (x.name, x.view, tuple(order))
        if key not in self._taken:
            self._taken[key] = self._take(node, x, order)
        return self._taken[key]

    def _take(self, node: OnnxNode, x: Tensor, order: Sequence[int]) -> tuple[str, Shape]:
        shape = tuple(x.shape[axis] for axis in order)
        if x.view.order_is_stored(order):
            return self.reshaped(node, x.name, x.stored, shape), shape
        split, permutation = x.view.transposition(order)
        name = self.reshaped(node, x.name, x.stored, split)
        moved = self.emit(node, "transpose", (name,), permutation=permutation)
        return self.reshaped(node, moved, tuple(split[i] for i in permutation), shape), shape

    def take_image(self, node: OnnxNode, x: Tensor) -> tuple[str, Shape]:
        """An image, NHWC; a signal as an image of one row."""
        if x.rank == 3:
            x = self.view(node, x, (x.shape[0], x.shape[1], 1, x.shape[2]))
        return self.take(node, x, (2, 3, 1))

    def image_result(self, node: OnnxNode, x: Tensor, name: str, stored: Shape) -> Tensor:
        """What a layer makes of such an image: of the rank that `x` had."""
        made = self.result(node, name, [stored], (2, 3, 1))
        return made if x.rank == 4 else self.view(node, made, (1, made.shape[1], made.shape[3]))

    def reshaped(self, node: OnnxNode, name: str, found: Shape, shape: Shape) -> str:
        """The tensor under another shape."""
        if found == shape:
            return name
        if len(shape) == 1:
            return self.emit(node, "flatten", (name,))
        return self.emit(node, "reshape", (name,), shape=shape)

    def view(self, node: OnnxNode, x: Tensor, shape: Sequence[int]) -> Tensor:
        """The tensor under another logical shape."""
        if prod(shape) != prod(x.shape) or min(shape, default=1) < 1:
            raise node.error("the tensor does not fill the shape", found=x.shape, allowed=f"{tuple(shape)}")
        view = x.view.reshaped(shape)
        if view is not None:
            return Tensor(x.name, x.stored, view)
        order = self.without_batch(range(x.rank), x)
        name, stored = self.take(node, x, order)
        return Tensor(name, stored, View.stored(stored, shape))

    def unchanged(self, node: OnnxNode, kind: str, x: Tensor, **fields: Any) -> Tensor:
        """A layer that works element by element, wherever the elements are stored."""
        return Tensor(self.emit(node, kind, (x.name,), **fields), x.stored, x.view)

    def stored_vector(self, x: Tensor, values: Array) -> Array | None:
        """A constant that broadcasts to a tensor, as one value per stored channel.

        None where it does not broadcast, or differs along other axes.
        """
        try:
            full = np.broadcast_to(values, x.shape)
        except ValueError:
            return None
        arranged = full.reshape(_split(x.view)).transpose(np.argsort(x.view.sequence))
        # Along axes that only repeat the constant there is nothing to look at.
        repeats = [stride == 0 for stride in arranged.strides]
        channels = prod(arranged.shape) // x.stored[-1]
        while repeats and prod(arranged.shape[: len(repeats)]) > channels:
            repeats.pop()
        once = arranged[tuple(slice(0, 1) if alike else slice(None) for alike in repeats)]
        rows = once.reshape(-1, x.stored[-1])
        return None if (rows != rows[0]).any() else rows[0].copy()


def _split(view: View) -> tuple[int, ...]:
    return tuple(view.atoms[i] for i in view.sequence)


def float_array(values: Array) -> Array:
    """Weights as a network holds them: float64 stays, everything else is float32."""
    return values if values.dtype == np.float64 else values.astype(np.float32)
