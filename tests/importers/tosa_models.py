"""TOSA files made in the test: flatbuffers by the schema's field numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

from npusim.importers.tosa.schema import ATTRIBUTES, KINDS, OPERATIONS, Layout

_SIZES = {"BOOL": 1, "INT8": 1, "INT16": 2, "INT32": 4, "INT48": 6, "SHAPE": 8}


@dataclass
class File:
    """A file in the making."""

    tensors: list[tuple[str, str, tuple[int, ...], bytes]] = field(default_factory=list)
    shapes: list[tuple[str, int, bytes]] = field(default_factory=list)
    operators: list[tuple[str, tuple[str, ...], tuple[str, ...], dict[str, Any]]] = field(
        default_factory=list
    )
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    version: int = 1
    regions: int = 1

    def tensor(self, name: str, kind: str, shape: Sequence[int], values: npt.ArrayLike | None = None) -> str:
        """A tensor, or a constant."""
        raw = b""
        if values is not None:
            flat = np.asarray(values, np.int64).reshape(-1).tolist()
            raw = b"".join(
                int(value).to_bytes(_SIZES[kind], "little", signed=kind != "BOOL") for value in flat
            )
            self.operators.append(("CONST", (), (name,), {}))
        self.tensors.append((name, kind, tuple(shape), raw))
        return name

    def shape(self, name: str, values: Sequence[int]) -> str:
        """A shape that is an operand."""
        self.shapes.append((name, len(values), b"".join(int(v).to_bytes(8, "little") for v in values)))
        self.operators.append(("CONST_SHAPE", (), (name,), {}))
        return name

    def apply(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """An operator."""
        self.operators.append((op, tuple(inputs), (output,), attributes))
        return output

    def content(self) -> bytes:
        """The file's bytes."""
        return _Writer().file(self)


class _Writer:
    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)

    def file(self, file: File) -> bytes:
        version = self._table(3, {0: ("Int32", file.version), 1: ("Int32", 0), 2: ("Int32", 2)})
        regions = [self._region(file) for _ in range(file.regions)]
        root = self._table(
            2, {0: ("UOffsetTRelative", version), 1: ("UOffsetTRelative", self._tables(regions))}
        )
        self.builder.Finish(root, b"TOSA")
        return bytes(self.builder.Output())

    def _region(self, file: File) -> int:
        tensors = [self._tensor(*tensor) for tensor in file.tensors]
        shapes = [self._shape(*shape) for shape in file.shapes]
        operators = [self._operator(*operator) for operator in file.operators]
        lists = [self._tables(operators), self._tables(tensors), self._texts(file.inputs)]
        lists += [self._texts(file.outputs), self._tables(shapes)]
        places = {slot + 1: ("UOffsetTRelative", place) for slot, place in enumerate(lists)}
        block = self._table(6, places)
        return self._table(2, {1: ("UOffsetTRelative", self._tables([block]))})

    def _tensor(self, name: str, kind: str, shape: tuple[int, ...], raw: bytes) -> int:
        fields = {0: ("UOffsetTRelative", self.builder.CreateString(name))}
        fields[1] = ("UOffsetTRelative", self.builder.CreateNumpyVector(np.array(shape, np.int32)))
        fields[2] = ("Uint32", KINDS.index(kind))
        if raw:
            fields[3] = ("UOffsetTRelative", self.builder.CreateByteVector(raw))
        return self._table(9, fields)

    def _shape(self, name: str, rank: int, raw: bytes) -> int:
        text = self.builder.CreateString(name)
        data = self.builder.CreateByteVector(raw)
        return self._table(
            3, {0: ("UOffsetTRelative", text), 1: ("Uint32", rank), 2: ("UOffsetTRelative", data)}
        )

    def _operator(
        self, op: str, inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: dict[str, Any]
    ) -> int:
        number = OPERATIONS.index(op)
        fields: dict[int, tuple[str, int]] = {}
        for name, value in attributes.items():
            slot, layout = ATTRIBUTES[op][name]
            if layout is Layout.NUMBERS:
                place = self.builder.CreateNumpyVector(np.array(value, np.int32))
                fields[slot] = ("UOffsetTRelative", place)
            elif layout is Layout.BYTES:
                fields[slot] = ("UOffsetTRelative", self.builder.CreateByteVector(value))
            else:
                kinds = {Layout.FLAG: "Bool", Layout.ENUMERATION: "Uint32", Layout.NUMBER: "Int32"}
                fields[slot] = (kinds[layout], value)
        attribute = self._table(6, fields)
        places = self._texts(inputs), self._texts(outputs)
        return self._table(
            5,
            {
                0: ("Uint32", number),
                1: ("Uint8", number),
                2: ("UOffsetTRelative", attribute),
                3: ("UOffsetTRelative", places[0]),
                4: ("UOffsetTRelative", places[1]),
            },
        )

    def _table(self, slots: int, fields: dict[int, tuple[str, int]]) -> int:
        self.builder.StartObject(slots)
        for slot, (kind, value) in fields.items():
            default = -1 if kind == "Int32" else 0
            getattr(self.builder, f"Prepend{kind}Slot")(slot, value, default)
        return int(self.builder.EndObject())

    def _tables(self, places: Sequence[int]) -> int:
        self.builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self.builder.PrependUOffsetTRelative(place)
        return int(self.builder.EndVector())

    def _texts(self, texts: Sequence[str]) -> int:
        return self._tables([self.builder.CreateString(text) for text in texts])


def small() -> File:
    """A convolution, its rescale to bytes, and a slice of that."""
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "INT8", (1, 3, 3, 2))
    file.tensor("w", "INT8", (2, 2, 2, 2), np.arange(-8, 8))
    file.tensor("b", "INT32", (2,), [100, -7])
    file.tensor("xz", "INT8", (1,), [3])
    file.tensor("wz", "INT8", (1,), [-1])
    file.tensor("sums", "INT32", (1, 2, 2, 2))
    operands = ("x", "w", "b", "xz", "wz")
    window = {"pad": (0, 0, 0, 0), "stride": (1, 1), "dilation": (1, 1)}
    file.apply("CONV2D", operands, "sums", **window, acc_type=KINDS.index("INT32"))
    file.tensor("m", "INT32", (2,), [1 << 30, 3 << 29])
    file.tensor("s", "INT8", (2,), [32, 34])
    file.tensor("sz", "INT32", (1,), [0])
    file.tensor("uz", "INT8", (1,), [-128])
    file.tensor("codes", "INT8", (1, 2, 2, 2))
    modes = {"scale32": True, "rounding_mode": 3, "per_channel": True, "output_unsigned": False}
    file.apply("RESCALE", ("sums", "m", "s", "sz", "uz"), "codes", **modes)
    file.shape("start", (0, 1, 0, 0))
    file.shape("size", (1, 1, 2, 2))
    file.tensor("y", "INT8", (1, 1, 2, 2))
    file.apply("SLICE", ("codes", "start", "size"), "y")
    return file
