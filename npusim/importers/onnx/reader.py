"""Reads an ONNX file that may be damaged or hostile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from npusim.errors import InputError
from npusim.importers.onnx.external import external_bytes
from npusim.importers.onnx.graph import Array, Attribute, OnnxGraph, OnnxNode

MAX_FILE_BYTES = 1 << 31
MAX_NODES = 100_000
MAX_INPUT = 1 << 28
"""Values of one input."""
OPSETS = range(11, 22)
DOMAINS = frozenset({"", "ai.onnx"})


def read_onnx(path: Path, domains: frozenset[str] = DOMAINS, opsets: range = OPSETS) -> OnnxGraph:
    """The graph of an ONNX file, weights included.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    proto = _parse(path)
    if proto.functions:
        raise InputError("holds local functions", allowed="a model with its functions inlined")
    if not proto.graph.node:
        raise InputError("holds no graph: not an ONNX model, or an empty one")
    if len(proto.graph.node) > MAX_NODES:
        raise InputError("too many nodes", found=len(proto.graph.node), allowed=f"{MAX_NODES}")
    constants = {_text(t.name): tensor_array(t, path.parent) for t in proto.graph.initializer}
    if proto.graph.sparse_initializer:
        raise InputError("holds sparse weights", allowed="dense ones")
    opset = _opset(proto, opsets)
    nodes = tuple(
        _node(node, index, opset, path.parent, domains) for index, node in enumerate(proto.graph.node)
    )
    batches: set[int] = set()
    inputs = {
        _text(value.name): _input_shape(value, batches)
        for value in proto.graph.input
        if value.name not in constants
    }
    outputs = tuple(_text(value.name) for value in proto.graph.output)
    graph = OnnxGraph(nodes, constants, inputs, outputs, max(batches, default=1))
    _check(graph)
    return graph


def onnx_package() -> Any:
    """The onnx package.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise InputError(
            "reading ONNX files needs the onnx package", allowed="pip install 'npusim[onnx]'"
        ) from None
    return onnx


def _parse(path: Path) -> Any:
    if not path.is_file():
        raise InputError("no such file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputError("the file is too large", found=size, allowed=f"{MAX_FILE_BYTES} bytes")
    proto = onnx_package().ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception as error:  # noqa: BLE001  protobuf's DecodeError differs by implementation
        raise InputError(f"not an ONNX file, or a damaged one: {error}") from None
    return proto


def _opset(proto: Any, opsets: range) -> int:
    versions = [int(entry.version) for entry in proto.opset_import if entry.domain in DOMAINS]
    if len(versions) != 1 or versions[0] not in opsets:
        raise InputError(
            "the operator set is not supported",
            key="opset_import",
            found=versions,
            allowed=f"{opsets.start}..{opsets.stop - 1}; onnx.version_converter changes it",
        )
    return versions[0]


def tensor_array(proto: Any, folder: Path) -> Array:
    """A tensor's values; half precision becomes float32.

    Raises
    ------
    InputError
        If its size and its bytes do not agree, or its type is not one of numbers.
    """
    onnx = onnx_package()
    key = f"tensor {proto.name!r}"
    try:
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            inner = onnx.TensorProto()
            inner.CopyFrom(proto)
            inner.ClearField("external_data")
            inner.data_location = onnx.TensorProto.DEFAULT
            inner.raw_data = external_bytes({entry.key: entry.value for entry in proto.external_data}, folder)
            proto = inner
        array = np.asarray(onnx.numpy_helper.to_array(proto))
    except InputError as error:
        raise error.at(key=key) from None
    except Exception as error:  # noqa: BLE001  numpy_helper raises whatever the damage leads to
        raise InputError(f"the tensor is damaged: {error}", key=key) from None
    if array.dtype.kind not in "biuf":
        raise InputError("not a tensor of numbers", key=key, found=str(array.dtype))
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _node(proto: Any, index: int, opset: int, folder: Path, domains: frozenset[str]) -> OnnxNode:
    name = proto.name or (proto.output[0] if proto.output else f"node_{index}")
    inputs, outputs = (tuple(_text(name) for name in names) for names in (proto.input, proto.output))
    node = OnnxNode(_text(proto.op_type), _text(name), inputs, outputs, opset=opset)
    if proto.domain not in domains:
        raise node.error(
            "the operation belongs to another operator set", found=proto.domain, allowed="plain ONNX"
        )
    attributes = {_text(a.name): _attribute(a, folder) for a in proto.attribute}
    known = {name: value for name, value in attributes.items() if value is not None}
    return replace(node, attributes=known)


def _text(name: str | bytes) -> str:
    """A name; damaged ones come as bytes."""
    if isinstance(name, str):
        return name
    raise InputError("a name is not text: the file is damaged", found=repr(name[:40]))


def _attribute(proto: Any, folder: Path) -> Attribute | None:
    """An attribute's value; None for graphs and other kinds that no converter reads."""
    kinds = onnx_package().AttributeProto
    decoders: dict[int, Callable[[], Attribute]] = {
        kinds.INT: lambda: int(proto.i),
        kinds.FLOAT: lambda: float(proto.f),
        kinds.STRING: lambda: bytes(proto.s).decode("utf-8", "replace"),
        kinds.INTS: lambda: tuple(int(item) for item in proto.ints),
        kinds.FLOATS: lambda: tuple(float(item) for item in proto.floats),
        kinds.TENSOR: lambda: tensor_array(proto.t, folder),
    }
    decoder = decoders.get(proto.type)
    return None if decoder is None else decoder()


def _input_shape(value: Any, batches: set[int]) -> tuple[int, ...]:
    """An input's shape with a batch of 1; a batch that the file fixes goes into `batches`."""
    key = f"input {value.name!r}"
    dims = list(value.type.tensor_type.shape.dim)
    if len(dims) < 2:
        raise InputError("an input needs a batch and at least one more axis", key=key, found=len(dims))
    batch, *sizes = [int(dim.dim_value) for dim in dims]
    batches.add(max(batch, 1))
    if any(not 1 <= size <= 1 << 20 for size in sizes) or prod(sizes) > MAX_INPUT:
        names = [dim.dim_value or dim.dim_param or "?" for dim in dims]
        raise InputError(
            "only the batch may be left open",
            key=key,
            found=names,
            allowed="fixed sizes: export the model for one input size",
        )
    return (1, *sizes)


def _check(graph: OnnxGraph) -> None:
    """Every tensor is made once, before it is read."""
    known = {"", *graph.constants, *graph.inputs}
    for node in graph.nodes:
        for name in node.inputs:
            if name not in known:
                raise node.error("nothing makes this tensor before it is read", found=name)
        for name in node.outputs:
            if name in known and name:
                raise node.error("the tensor is made twice", found=name)
            known.add(name)
    for name in graph.outputs:
        if name not in known:
            raise InputError("nothing makes this output", key="outputs", found=name)
    if not graph.inputs or not graph.outputs:
        raise InputError("a model needs at least one input and one output")
