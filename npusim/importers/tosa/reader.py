"""Reads a TOSA file that may be damaged or hostile."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.importers.tosa.flatbuffer import Table
from npusim.importers.tosa.graph import Array, Attribute, Graph, Operator, Tensor, UnsupportedError
from npusim.importers.tosa.schema import (
    ATTRIBUTES,
    IDENTIFIER,
    KINDS,
    MAJOR_VERSION,
    OPERATIONS,
    BlockField,
    GraphField,
    Layout,
    OperatorField,
    RegionField,
    ShapeField,
    TensorField,
)

MAX_FILE_BYTES = 1 << 31
MAX_OPERATORS = 100_000
MAX_VALUES = 1 << 28
"""Of one tensor."""

MAX_RANK = 6
"""Of every level of the specification."""

_BYTE = np.dtype(np.uint8)

_PADDED = 8
"""Constants may be filled up to a multiple of so many bytes."""

_BYTES = {"BOOL": 1, "INT8": 1, "INT16": 2, "INT32": 4, "INT48": 6, "SHAPE": 8}
"""Of one value; INT4 has two in a byte."""


def read_tosa(path: Path) -> Graph:
    """The main block of a TOSA file, constants included.

    Raises
    ------
    InputError
        Naming what is wrong with the file.
    """
    return read_content(_content(path))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InputError("no such file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputError("the file is too large", found=size, allowed=f"{MAX_FILE_BYTES} bytes")
    return path.read_bytes()


def read_content(content: bytes) -> Graph:
    """As `read_tosa`, from a file's content."""
    if content[4:8] != IDENTIFIER:
        raise InputError("not a TOSA file", found=content[4:8], allowed="the identifier TOSA at byte 4")
    root = Table.root(content)
    _check_version(root.table(GraphField.VERSION))
    regions = root.tables(GraphField.REGIONS)
    blocks = regions[0].tables(RegionField.BLOCKS) if regions else []
    if not blocks:
        raise InputError("holds no graph")
    if len(regions) > 1 or len(blocks) > 1:
        raise UnsupportedError("control flow is not supported", found=f"{len(regions)} regions")
    block = blocks[0]
    tensors: dict[str, Tensor] = {}
    for tensor in (*_tensors(block), *_shapes(block)):
        if tensor.name in tensors:
            raise InputError("two tensors have the same name", key=f"tensor {tensor.name!r}")
        tensors[tensor.name] = tensor
    operators = block.tables(BlockField.OPERATORS)
    if not 0 < len(operators) <= MAX_OPERATORS:
        raise InputError("the number of operators", found=len(operators), allowed=f"1..{MAX_OPERATORS}")
    graph = Graph(
        tensors,
        tuple(_operator(table, index) for index, table in enumerate(operators)),
        tuple(block.texts(BlockField.INPUTS)),
        tuple(block.texts(BlockField.OUTPUTS)),
    )
    _check(graph)
    return graph


def _check_version(version: Table | None) -> None:
    major = -1 if version is None else version.integer(0, "i", -1)
    if major != MAJOR_VERSION:
        raise InputError("the version is not supported", found=major, allowed=f"{MAJOR_VERSION}")


def _tensors(block: Table) -> Iterator[Tensor]:
    for table in block.tables(BlockField.TENSORS):
        name = table.text(TensorField.NAME)
        key = f"tensor {name!r}"
        number = table.integer(TensorField.TYPE, "I")
        kind = KINDS[number] if number < len(KINDS) else f"type {number}"
        if table.integer(TensorField.UNRANKED, "?") or table.integer(TensorField.VARIABLE, "?"):
            raise UnsupportedError("variables and tensors without a rank are not supported", key=key)
        if table.integer(TensorField.OFFSET, "Q") > 1:
            raise UnsupportedError("data behind the graph are not supported", key=key)
        shape = tuple(table.integers(TensorField.SHAPE, "i"))
        if len(shape) > MAX_RANK or min(shape, default=1) < 1 or prod(shape) > MAX_VALUES:
            allowed = f"up to {MAX_RANK} sizes, {MAX_VALUES} values"
            raise InputError("not a shape", key=key, found=shape, allowed=allowed)
        raw = table.vector(TensorField.DATA, _BYTE)
        data = None if raw is None or not raw.size else _values(raw, kind, shape, key)
        yield Tensor(name, shape, kind, data)


def _shapes(block: Table) -> Iterator[Tensor]:
    for table in block.tables(BlockField.SHAPES):
        name, rank = table.text(ShapeField.NAME), table.integer(ShapeField.RANK, "I")
        raw = table.vector(ShapeField.DATA, _BYTE)
        if raw is None:
            raw = np.zeros(0, np.uint8)
        data = _values(raw, "SHAPE", (rank,), f"shape {name!r}") if raw.size or not rank else None
        yield Tensor(name, (rank,), "SHAPE", data)


def _values(raw: npt.NDArray[np.generic], kind: str, shape: tuple[int, ...], key: str) -> Array:
    """A constant's values: int64, whatever its type."""
    count = prod(shape)
    if kind != "INT4" and kind not in _BYTES:
        raise UnsupportedError("constants of this type are not supported", key=key, found=kind)
    wanted = -(-count // 2) if kind == "INT4" else count * _BYTES[kind]
    if raw.size not in {wanted, _PADDED * -(-max(wanted, 1) // _PADDED)}:
        raise InputError("bytes and shape do not fit", key=key, found=raw.size, allowed=f"{wanted} bytes")
    return decode(raw[:wanted].tobytes(), kind)[:count].reshape(shape)


def decode(content: bytes, kind: str) -> npt.NDArray[np.int64]:
    """Values as files lay them out: little-endian; INT4 in pairs, the first in the low bits.

    Examples
    --------
    >>> decode(bytes([0x2F]), "INT4"), decode(bytes([254, 255, 255, 255, 255, 255]), "INT48")
    (array([-1,  2]), array([-2]))
    """
    raw = np.frombuffer(content, np.uint8)
    if kind == "INT4":
        nibbles = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)
        made: npt.NDArray[np.int64] = (nibbles.astype(np.int64) ^ 8) - 8
    elif kind == "BOOL":
        made = (raw != 0).astype(np.int64)
    else:
        size = _BYTES[kind]
        words = np.zeros((len(raw) // size, 8), np.uint8)
        words[:, 8 - size :] = raw.reshape(-1, size)
        made = words.view("<i8").reshape(-1).astype(np.int64) >> (64 - 8 * size)
    return made


def _operator(table: Table, index: int) -> Operator:
    number = table.integer(OperatorField.OP, "I")
    op = OPERATIONS[number] if number < len(OPERATIONS) else f"operation {number}"
    attributes: dict[str, Attribute] = {}
    operator = Operator(
        index,
        op,
        tuple(table.texts(OperatorField.INPUTS)),
        tuple(table.texts(OperatorField.OUTPUTS)),
        attributes,
    )
    wanted = ATTRIBUTES.get(op, {})
    held = table.table(OperatorField.ATTRIBUTE)
    if wanted and (held is None or table.integer(OperatorField.ATTRIBUTE_TYPE, "B") != number):
        raise operator.error("its attributes are missing, or another operator's")
    if held is not None:
        attributes |= {name: _attribute(held, *place) for name, place in wanted.items()}
    return operator


def _attribute(held: Table, field: int, layout: Layout) -> Attribute:
    if layout is Layout.NUMBERS:
        return tuple(held.integers(field, "i"))
    if layout is Layout.BYTES:
        raw = held.vector(field, _BYTE)
        return b"" if raw is None else raw.tobytes()
    return int(held.integer(field, layout.value))


def _check(graph: Graph) -> None:
    """Every tensor exists, is made once and before it is read."""
    known = set(graph.inputs)
    for name in (*graph.inputs, *graph.outputs):
        if name not in graph.tensors:
            raise InputError("no such tensor", key="inputs and outputs", found=name)
    for operator in graph.operators:
        for name in operator.inputs:
            if name not in known:
                raise operator.error("nothing makes this tensor before it is read", found=name)
        for name in operator.outputs:
            if name not in graph.tensors or name in known:
                raise operator.error("an output does not exist or is made twice", found=name)
            known.add(name)
    for name in graph.outputs:
        if name not in known:
            raise InputError("nothing makes this output", key="outputs", found=name)
    if not graph.outputs:
        raise InputError("a graph needs at least one output")
