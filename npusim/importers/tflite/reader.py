"""Reads a TFLite file that may be damaged or hostile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.importers.tflite.graph import Array, Graph, Operator, Option, Tensor
from npusim.importers.tflite.options import LISTS, OPTIONS, TEXTS

MAX_FILE_BYTES = 1 << 31
MAX_OPERATORS = 100_000
MAX_RANK = 8
_IDENTIFIER = b"TFL3"

_DTYPES = {
    "FLOAT32": "<f4", "FLOAT16": "<f2", "FLOAT64": "<f8", "INT8": "i1", "UINT8": "u1", "INT16": "<i2",
    "UINT16": "<u2", "INT32": "<i4", "UINT32": "<u4", "INT64": "<i8", "BOOL": "?", "INT4": "i1",
}  # fmt: skip


def read_tflite(path: Path) -> Graph:
    """The main graph of a TFLite file, constants included.

    Raises
    ------
    InputError
        Naming what is wrong with the file.
    """
    content = _content(path)
    schema = _schema()
    try:
        return _Reader(schema, content).graph()
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  generated readers raise whatever the damage leads to
        raise InputError(f"not a TFLite file, or a damaged one: {type(error).__name__}: {error}") from None


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise InputError("no such file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputError("the file is too large", found=size, allowed=f"{MAX_FILE_BYTES} bytes")
    content = path.read_bytes()
    if content[4:8] != _IDENTIFIER:
        raise InputError("not a TFLite file", found=content[4:8], allowed="the identifier TFL3 at byte 4")
    return content


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError:
        raise InputError(
            "reading TFLite files needs the ai-edge-litert package", allowed="pip install 'npusim[tflite]'"
        ) from None
    return schema_py_generated


def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


class _Reader:
    """The generated readers do not check bounds: every length is held against the file's."""

    def __init__(self, schema: Any, content: bytes) -> None:
        self.schema, self.content = schema, content
        self.operator_names = _names(schema.BuiltinOperator)
        self.kinds = _names(schema.TensorType)
        self.option_names = _names(schema.BuiltinOptions)
        self.model = schema.Model.GetRootAs(content, 0)

    def graph(self) -> Graph:
        """The graph, checked for being one."""
        if self.model.Version() != 3:
            raise InputError("the schema's version is not supported", found=self.model.Version(), allowed="3")
        if self._length(self.model.SubgraphsLength()) < 1:
            raise InputError("holds no graph")
        main = self._subgraph(0)
        if not main.inputs or not main.outputs:
            raise InputError("a model needs at least one input and one output")
        once = {o.integer("InitSubgraphIndex") for o in main.operators if o.op == "CALL_ONCE"}
        return replace(main, initial={index: self._subgraph(index) for index in sorted(once)})

    def _subgraph(self, index: int) -> Graph:
        if not 0 <= index < self._length(self.model.SubgraphsLength()):
            raise InputError("holds no such graph", found=index)
        table = self.model.Subgraphs(index)
        count = self._length(table.OperatorsLength())
        if not 0 < count <= MAX_OPERATORS:
            raise InputError("the number of operators", found=count, allowed=f"1..{MAX_OPERATORS}")
        tensors = tuple(self._tensor(table.Tensors(i), i) for i in range(self._length(table.TensorsLength())))
        operators = tuple(self._operator(table.Operators(i), i) for i in range(count))
        graph = Graph(tensors, operators, self._integers(table, "Inputs"), self._integers(table, "Outputs"))
        _check(graph)
        return graph

    def _length(self, length: int) -> int:
        if length * 4 > len(self.content):
            raise InputError("a list is longer than the file", found=length)
        return length

    def _integers(self, table: Any, name: str) -> tuple[int, ...]:
        count = self._length(getattr(table, f"{name}Length")())
        return tuple(int(getattr(table, name)(i)) for i in range(count))

    def _tensor(self, table: Any, index: int) -> Tensor:
        name = (table.Name() or b"").decode("utf-8", "replace")
        key = f"tensor {name!r}"
        if table.Type() not in self.kinds:
            raise InputError("unknown type", key=key, found=table.Type())
        shape = self._integers(table, "Shape")
        if len(shape) > MAX_RANK or any(not 0 <= size <= 1 << 28 for size in shape):
            raise InputError("not a shape", key=key, found=shape, allowed=f"up to {MAX_RANK} sizes")
        if table.IsVariable() or table.Sparsity() is not None:
            raise InputError("variable and sparse tensors are not supported", key=key)
        kind = self.kinds[table.Type()]
        scales, zero_points, axis = self._quantization(table.Quantization(), key)
        data = self._data(table.Buffer(), shape, kind, key)
        return Tensor(index, name or f"tensor_{index}", shape, kind, scales, zero_points, axis, data)

    def _quantization(
        self, table: Any, key: str
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], int]:
        count = 0 if table is None else self._length(table.ScaleLength())
        if count == 0:
            return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
        scales = np.array([table.Scale(i) for i in range(count)], np.float32)
        if not np.all(np.isfinite(scales) & (scales >= 0)):
            raise InputError("scales must be finite and not negative", key=key)
        given = self._length(table.ZeroPointLength())
        zeros = np.array([table.ZeroPoint(i) for i in range(given)], np.int64)
        if given not in {0, 1, count}:
            raise InputError("not as many zero points as scales", key=key, found=given, allowed=str(count))
        axis = int(table.QuantizedDimension())
        if given < count:
            zeros = np.full(count, zeros[0] if given else 0, np.int64)
        return scales, zeros, axis

    def _data(self, index: int, shape: tuple[int, ...], kind: str, key: str) -> Array | None:
        if not 0 <= index < self._length(self.model.BuffersLength()):
            raise InputError("no such buffer", key=key, found=index)
        buffer = self.model.Buffers(index)
        raw = self._raw(buffer, key)
        if index == 0 or (raw.size == 0 and prod(shape) > 0):
            return None
        if kind not in _DTYPES:
            raise InputError("constants of this type are not supported", key=key, found=kind)
        dtype, count = np.dtype(_DTYPES[kind]), prod(shape)
        wanted = -(-count // 2) if kind == "INT4" else count * dtype.itemsize
        if raw.size != wanted:
            raise InputError("bytes and shape do not fit", key=key, found=raw.size, allowed=f"{wanted} bytes")
        if kind == "INT4":
            raw = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)[:count]
            return ((raw.astype(np.int8) ^ 8) - 8).astype(np.int8).reshape(shape)
        return np.frombuffer(raw.tobytes(), dtype).reshape(shape)

    def _raw(self, buffer: Any, key: str) -> npt.NDArray[np.uint8]:
        """A buffer's bytes, which may stand behind the flatbuffer."""
        start, size = buffer.Offset(), buffer.Size()
        if start > 1:
            if start + size > len(self.content):
                raise InputError("a buffer lies outside the file", key=key, found=(start, size))
            return np.frombuffer(self.content, np.uint8, size, start)
        if buffer.DataLength() > len(self.content):
            raise InputError("a buffer is longer than the file", key=key, found=buffer.DataLength())
        return np.asarray(buffer.DataAsNumpy(), np.uint8) if buffer.DataLength() else np.zeros(0, np.uint8)

    def _operator(self, table: Any, index: int) -> Operator:
        place = table.OpcodeIndex()
        if not 0 <= place < self._length(self.model.OperatorCodesLength()):
            raise InputError("no such operator code", key=f"operator {index}", found=place)
        code = self.model.OperatorCodes(place)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = self.operator_names.get(number, f"operator {number}")
        options = dict(self._options(table, name))
        inputs, outputs = self._integers(table, "Inputs"), self._integers(table, "Outputs")
        return Operator(index, name, inputs, outputs, options)

    def _options(self, table: Any, name: str) -> Iterator[tuple[str, Option]]:
        kind, fields = OPTIONS.get(name, ("", ()))
        union = table.BuiltinOptions()
        found = self.option_names.get(table.BuiltinOptionsType())
        if kind and union is not None and found != kind:
            raise InputError("options of another operator", key=name, found=found, allowed=kind)
        if kind and union is not None:
            options = getattr(self.schema, kind)()
            options.Init(union.Bytes, union.Pos)
        for field in fields:
            if union is None:
                yield field, _default(field)
            elif field in LISTS:
                yield field, self._integers(options, field)
            else:
                found = getattr(options, field)()
                yield field, (found or b"").decode("utf-8", "replace") if field in TEXTS else found


def _default(field: str) -> Option:
    """The schema's: an operator may leave all of its options out."""
    if field in LISTS:
        return ()
    if field in TEXTS:
        return ""
    return 1 if field.startswith(("Dilation", "PotScale")) else 0


def _check(graph: Graph) -> None:
    """Every tensor exists, is made once and before it is read."""
    count = len(graph.tensors)
    known = set(graph.inputs) | {t.index for t in graph.tensors if t.data is not None}
    for index in (*graph.inputs, *graph.outputs):
        if not 0 <= index < count:
            raise InputError("no such tensor", key="inputs and outputs", found=index)
    for operator in graph.operators:
        for index in operator.inputs:
            if not -1 <= index < count:
                raise operator.error("no such tensor", found=index)
            if index >= 0 and index not in known:
                name = graph.tensors[index].name
                raise operator.error("nothing makes this tensor before it is read", found=name)
        for index in operator.outputs:
            if not 0 <= index < count or index in known:
                raise operator.error("an output does not exist or is made twice", found=index)
            known.add(index)
    for index in graph.outputs:
        if index not in known:
            raise InputError("nothing makes this output", key="outputs", found=graph.tensors[index].name)
