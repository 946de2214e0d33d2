"""A TOSA graph of the integer profile as a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.tosa.builder import Builder, problem_of, stripped
from npusim.importers.tosa.graph import Array, Graph, Operator, UnsupportedError
from npusim.importers.tosa.reader import read_tosa
from npusim.importers.tosa.registry import converters
from npusim.importers.tosa.signatures import check_signature
from npusim.program import Program

_ON_THE_MAC_ARRAY = {
    "AVG_POOL2D", "CONV2D", "DEPTHWISE_CONV2D", "MATMUL", "TRANSPOSE_CONV2D",
}  # fmt: skip
"""Operations on activation codes; all others take integers as they are."""


@dataclass(frozen=True)
class ImportedGraph:
    """A program, and which tensors of the graph are which of its tensors.

    Attributes
    ----------
    tensors
        Program tensors by the graph's tensor names.
    """

    program: Program
    tensors: dict[str, str]


def import_tosa(
    path: str | Path, *, name: str | None = None, bound: Mapping[str, Array] | None = None
) -> Program:
    """Read a .tosa file.

    A leading size of one of an input or output is the batch, which the program does not have; all other
    shapes are the graph's. Codes that the graph's reader takes as unsigned are unsigned in the program.

    Parameters
    ----------
    name
        The program's name; by default the file's.
    bound
        Values of graph inputs that a program stores, such as weights and biases; in the input's shape.

    Raises
    ------
    InputError
        Naming the file, and the operator that is wrong (the specification's ERROR_IF) or not supported.
    """
    return import_graph(path, name=name, bound=bound).program


def import_graph(
    path: str | Path, *, name: str | None = None, bound: Mapping[str, Array] | None = None
) -> ImportedGraph:
    """As `import_tosa`, with the names of all tensors."""
    path = Path(path)
    try:
        graph = read_tosa(path)
        builder = Builder(graph, load_datapath(_datapath(graph)), bound or {})
        for operator in graph.operators:
            _convert(operator, builder)
        program = _program(name or path.stem, builder)
    except InputError as error:
        raise error.at(file=path) from None
    return ImportedGraph(program, builder.values)


def _datapath(graph: Graph) -> str:
    """The preset for the activations' type."""
    found = {
        graph.tensors[operator.inputs[0]].kind
        for operator in graph.operators
        if operator.op in _ON_THE_MAC_ARRAY and operator.inputs
    }
    if {"INT8", "INT16"} <= found:
        raise UnsupportedError("convolutions, matrix products and average pools of INT8 and of INT16 meet")
    return "tosa_operators_int16" if "INT16" in found else "tosa_operators"


def _convert(operator: Operator, builder: Builder) -> None:
    if operator.op in {"CONST", "CONST_SHAPE"}:
        return
    known = converters()
    if operator.op not in known:
        raise operator.unsupported("the operation is not supported", allowed=", ".join(known))
    check_signature(operator, builder)
    try:
        known[operator.op](operator, builder)
    except InputError as error:
        raise problem_of(operator, error) from None


def _program(name: str, builder: Builder) -> Program:
    names = []
    for output in builder.graph.outputs:
        shape = stripped(builder.graph.tensors[output].shape)
        names.append(builder.reshaped(builder.value_of(output), shape, f"{output}/answer"))
    try:
        return Program(
            name=builder.fresh(name),
            input_names=tuple(builder.inputs),
            output_names=tuple(dict.fromkeys(names)),
            tensors=builder.tensors,
            steps=tuple(builder.steps),
            datapath=builder.datapath,
        )
    except ValidationError as error:
        raise first_complaint(error) from None
