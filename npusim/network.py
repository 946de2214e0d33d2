"""The float network: layers in YAML, arrays in HDF5."""

from __future__ import annotations

from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

import npusim.layers
from npusim import notebook
from npusim.errors import InputError
from npusim.files.arrays import DigestRule
from npusim.files.documents import load_document, save_document
from npusim.graph import Node, execution_order
from npusim.layers.base import Layer
from npusim.model import Model, Name, Shape
from npusim.preprocess import Preprocess
from npusim.registry import find
from npusim.task import Task

LAYERS = find(npusim.layers, Layer, "layer")
"""Every layer, by the name a network's YAML calls it."""

if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = Annotated[reduce(or_, LAYERS.values()), Field(discriminator="layer")]


class NetworkInput(Model):
    """An input tensor: its shape without the batch."""

    name: Name
    shape: Shape


class Network(Model):
    """A float network.

    Attributes
    ----------
    source, notes
        Where it came from, and what its importer did that a user should know.
    task
        What its answers are for; None: what their shapes suggest.
    layers
        In any order; `ordered_layers` has them in execution order.
    outputs
        The tensors the network answers with.
    """

    format: Literal["npusim-network-1"] = "npusim-network-1"
    name: Name
    source: str | None = None
    notes: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    task: Task | None = None
    inputs: Annotated[tuple[NetworkInput, ...], Field(min_length=1)]
    layers: tuple[AnyLayer, ...]
    outputs: Annotated[tuple[Name, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Network:
        _ = self.shapes
        return self

    @cached_property
    def ordered_layers(self) -> tuple[Layer, ...]:
        """The layers in execution order."""
        nodes = [Node(layer.name, layer.inputs, layer.outputs) for layer in self.layers]
        order = execution_order(nodes, [x.name for x in self.inputs], self.outputs, "layers")
        return tuple(self.layers[index] for index in order)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every tensor, without the batch."""
        shapes: dict[str, Shape] = {x.name: x.shape for x in self.inputs}
        position = {layer.name: index for index, layer in enumerate(self.layers)}
        for layer in self.ordered_layers:
            try:
                made = layer.output_shapes([shapes[name] for name in layer.inputs])
            except InputError as error:
                key = f"layers[{position[layer.name]}]"
                raise error.within(key) from None
            shapes |= dict(zip(layer.outputs, made, strict=True))
        return shapes

    @cached_property
    def readers(self) -> dict[str, tuple[Layer, ...]]:
        """Which layers read each tensor."""
        return {
            tensor: tuple(layer for layer in self.layers if tensor in layer.inputs) for tensor in self.shapes
        }

    @cached_property
    def producers(self) -> dict[str, Layer]:
        """Which layer makes each tensor; inputs have none."""
        return {tensor: layer for layer in self.layers for tensor in layer.outputs}

    def save(self, path: str | Path) -> None:
        """Write YAML and, beside it, HDF5; whole or not at all."""
        save_document(Path(path), self)

    def __repr__(self) -> str:
        return notebook.network_line(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return notebook.network_html(self)


def load_network(path: str | Path) -> Network:
    """Load a float network.

    Raises
    ------
    InputError
        Naming file, line and key of what is wrong.
    """
    return load_document(Path(path), Network, digests=DigestRule.OPTIONAL)
