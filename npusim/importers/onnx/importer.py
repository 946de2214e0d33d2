"""A float ONNX model as a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from npusim.errors import InputError
from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.onnx.folding import evaluate
from npusim.importers.onnx.graph import Array, OnnxGraph, OnnxNode
from npusim.importers.onnx.input_layout import stored_order
from npusim.importers.onnx.outputs import named_outputs
from npusim.importers.onnx.reader import read_onnx
from npusim.importers.onnx.registry import converters
from npusim.importers.onnx.simplify import LastSoftmax, simplify
from npusim.importers.onnx.unsupported import what_it_needs
from npusim.importers.onnx.views import View
from npusim.network import Network, NetworkInput
from npusim.preprocess import ChannelOrder, Preprocess

Numbers = float | Sequence[float]


def import_network(
    path: str | Path,
    *,
    name: str | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channel_order: str = "rgb",
    last_softmax: str = LastSoftmax.HOST,
) -> Network:
    """Read a float ONNX model (opset 11 to 21).

    Images become NHWC; a softmax at the end is left to the host, so that the network answers with logits.
    `Network.notes` says what was left out.

    Parameters
    ----------
    path
        The .onnx file; external weights are read from its folder only.
    name
        The network's name; by default the file's.
    mean, std
        How bytes become what the model reads, ``(x - mean) / std``: one for all channels or one each.
    channel_order
        The order of colours the model expects, ``rgb`` or ``bgr``.
    last_softmax
        ``host``, or ``keep``: for datapaths that compute a softmax. Compiled for another one, a program
        ends before it.

    Raises
    ------
    InputError
        Naming the file, and the node and operation that is not supported.

    Examples
    --------
    ``import_network("mobilenet_v1.onnx", mean=127.5, std=127.5)``; docs/pytorch.md is a whole one.
    """
    path = Path(path)
    preprocess = preprocess_of(mean, std, channel_order)
    if last_softmax not in list(LastSoftmax):
        allowed = ", ".join(LastSoftmax)
        raise InputError("no such place for the last softmax", found=last_softmax, allowed=allowed)
    try:
        graph, notes = simplify(read_onnx(path), LastSoftmax(last_softmax))
        builder = Builder(graph)
        inputs = _add_inputs(builder, graph)
        with np.errstate(all="ignore"):  # damaged numbers become infinite; layers refuse those
            for node in graph.nodes:
                _convert(node, builder)
        outputs = named_outputs(builder, graph.outputs)
        builder.drop_unread(outputs)
        return _network(
            name=path.stem if name is None else name,
            source=f"imported from {path.name}",
            notes=tuple(notes),
            preprocess=preprocess,
            inputs=inputs,
            layers=tuple(builder.layers.values()),
            outputs=outputs,
        )
    except InputError as error:
        raise error.at(file=path) from None


def _network(**fields: Any) -> Network:
    try:
        return Network(**fields)
    except ValidationError as error:
        raise first_complaint(error) from None


def preprocess_of(mean: Numbers | None, std: Numbers | None, channel_order: str) -> Preprocess | None:
    """How bytes become what a model reads; None: nobody said.

    Raises
    ------
    InputError
        If numbers or the order of channels are no good.
    """
    if mean is None and std is None and channel_order == ChannelOrder.RGB:
        return None
    try:
        order = ChannelOrder(channel_order)
    except ValueError:
        allowed = ", ".join(ChannelOrder)
        raise InputError("no such channel order", found=channel_order, allowed=allowed) from None
    try:
        return Preprocess(mean=_tuple(mean, 0.0), std=_tuple(std, 1.0), channel_order=order)
    except ValueError:
        raise InputError("mean and std must be finite numbers, std not zero", found=(mean, std)) from None


def _tuple(values: Numbers | None, default: float) -> tuple[float, ...]:
    if values is None:
        return (default,)
    return tuple(values) if isinstance(values, Sequence) else (float(values),)


def _add_inputs(builder: Builder, graph: OnnxGraph) -> tuple[NetworkInput, ...]:
    inputs = []
    for name, shape in graph.inputs.items():
        order = stored_order(graph, name, len(shape))
        stored = tuple(shape[axis] for axis in order)
        view = View.stored(stored, (1, *stored))
        axes = tuple(view.axes[0 if axis == 0 else 1 + order.index(axis)] for axis in range(len(shape)))
        tensor = Tensor(builder.fresh_name(name), stored, View(view.atoms, axes))
        builder.values[name] = tensor
        inputs.append(NetworkInput(name=tensor.name, shape=stored))
    return tuple(inputs)


def _convert(node: OnnxNode, builder: Builder) -> None:
    constants = [_constant(builder.values, name) for name in node.inputs]
    folded = evaluate(node, constants)
    if folded is not None:
        builder.values[next(name for name in node.outputs if name)] = folded
        return
    converter = converters().get(node.op)
    if converter is None:
        raise node.error("the operation is not supported", allowed=what_it_needs(node.op))
    made = converter(node, builder)
    outputs = made if isinstance(made, list) else [made]
    if any(isinstance(value, Tensor) and value.rank == 0 for value in outputs):
        raise node.error("makes a number, which has no batch", allowed="a tensor that keeps its batch")
    builder.values |= {name: value for name, value in zip(node.outputs, outputs, strict=False) if name}
    missing = [name for name in node.outputs[len(outputs) :] if name and builder.is_read(name)]
    if missing:
        raise node.error("only its first output is supported", found=missing[0])


def _constant(values: Mapping[str, Tensor | Array], name: str) -> Array | None:
    value = values.get(name)
    return None if isinstance(value, Tensor) else value
