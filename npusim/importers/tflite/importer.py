"""An integer TFLite model as a program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.onnx.importer import Numbers, preprocess_of
from npusim.importers.tflite.builder import CODES, Builder, problem_of
from npusim.importers.tflite.folding import folded
from npusim.importers.tflite.graph import Graph, Operator
from npusim.importers.tflite.reader import read_tflite
from npusim.importers.tflite.registry import converters
from npusim.importers.tflite.variables import ON_VARIABLES, Variables, convert_variable
from npusim.input_codes import byte_codes
from npusim.preprocess import Preprocess
from npusim.program import Program, Real

DATAPATHS = {"INT8": "tflite", "UINT8": "tflite_uint8", "INT16": "tflite_int16"}
"""By the type of a model's activations."""

_ON_INDICES = {"ARG_MAX", "ARG_MIN", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE"}
"""Operations of the program although they make no codes."""
_INDICES = {"INT32", "INT64"}


@dataclass(frozen=True)
class ImportedModel:
    """A program, and which tensors of the model are which of its tensors.

    Attributes
    ----------
    tensors
        Program tensors by the model's tensor index.
    """

    program: Program
    tensors: dict[int, str]


def import_program(
    path: str | Path,
    *,
    name: str | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channel_order: str = "rgb",
) -> Program:
    """Read an int8, uint8 or int16 TFLite model.

    What the program computes are the bits of LiteRT's reference kernels. Operations on floats before
    and after the integers are left to the program's host; `Program.notes` says which.

    Parameters
    ----------
    path
        The .tflite file.
    name
        The program's name; by default the file's.
    mean, std, channel_order
        How bytes become the real numbers that the model reads, ``(x - mean) / std``; without them the
        program is fed codes or real numbers.

    Raises
    ------
    InputError
        Naming the file, and the operator that is not supported.
    """
    preprocess = preprocess_of(mean, std, channel_order)
    program = import_tflite(path, name=name).program
    return program if preprocess is None else with_bytes(program, preprocess)


def with_bytes(program: Program, preprocess: Preprocess) -> Program:
    """The program with the code of every byte (A9), for images.

    Inputs whose codes are bytes as well take bytes as codes; where they are others, a note says so.
    """
    tables, notes = {}, list(program.notes)
    for x in program.inputs:
        if x.scale is not None and x.zero_point is not None:
            codes = program.tensors[x.name].codes.register
            tables[x.name] = byte_codes(preprocess, x.shape[-1], x.scale, x.zero_point, codes)
            if x.dtype == np.uint8 and (tables[x.name] != np.arange(256)).any():
                notes.append(f"bytes fed to {x.name} are codes, not images: feed images as real numbers")
    real = program.real.replace(preprocess=preprocess, byte_tables=tables)
    return program.replace(real=real, notes=tuple(notes))


def import_tflite(path: str | Path, *, name: str | None = None) -> ImportedModel:
    """As `import_program`, with the names of all tensors."""
    path = Path(path)
    try:
        graph = read_tflite(path)
        builder = Builder(graph, load_datapath(DATAPATHS[_activation_kind(graph)]))
        variables = Variables()
        notes = _convert_all(graph, builder, variables)
        program = _program(path, name, builder, notes, variables)
    except InputError as error:
        raise error.at(file=path) from None
    return ImportedModel(program, builder.values)


def _activation_kind(graph: Graph) -> str:
    """What most operators read, weights aside."""
    read = [index for operator in graph.operators for index in operator.inputs if index >= 0]
    tensors = [graph.tensors[index] for index in (*read, *graph.outputs)]
    kinds = Counter(tensor.kind for tensor in tensors if tensor.data is None)
    found = {kind: kinds[kind] for kind in CODES if kinds[kind]}
    if not found:
        made = ", ".join(sorted(kinds))
        hybrid = any(graph.tensors[index].kind in {"INT8", "UINT8", "INT4"} for index in read)
        what = "only the weights of the model are integers" if hybrid else "the model has no integer tensors"
        raise InputError(what, found=made, allowed="a model whose activations are quantized as well")
    return max(found, key=lambda kind: found[kind])


def _convert_all(graph: Graph, builder: Builder, variables: Variables) -> tuple[str, ...]:
    for index in graph.inputs:
        tensor = graph.tensors[index]
        if tensor.kind in CODES and tensor.scales.size:
            builder.add_input(tensor)
        else:
            builder.host.add(index)
    left = [operator for operator in graph.operators if not _convert(operator, builder, variables)]
    counts = Counter(operator.op for operator in left)
    what = ", ".join(f"{number} {op}" for op, number in sorted(counts.items()))
    hosted = (f"left to the host, being or following operations on no codes: {what}",) if what else ()
    return (*hosted, *variables.notes(graph))


def _convert(operator: Operator, builder: Builder, variables: Variables) -> bool:
    """Convert an operator; False if it is the host's."""
    if operator.op in ON_VARIABLES:
        convert_variable(operator, builder, variables)
        return True
    tensors = builder.graph.tensors
    reads = [tensors[index] for index in operator.inputs if index >= 0]
    makes = [tensors[index] for index in operator.outputs]
    # Whole numbers from the host may be shapes, which the file repeats.
    known = operator.op in converters()
    hosted = any(tensor.index in builder.host and not (known and tensor.kind in _INDICES) for tensor in reads)
    if operator.op == "QUANTIZE" and hosted and not _after_codes(operator, builder):
        builder.add_input(makes[0])
        return False
    if not hosted and len(makes) == 1:
        data = folded(operator, [builder.known(tensor) for tensor in reads], makes[0])
        if data is not None:
            builder.constants[makes[0].index] = data
            return True
    makes_codes = any(tensor.kind in CODES and tensor.scales.size for tensor in makes)
    moves = operator.op in _ON_INDICES and not hosted and bool(reads) and reads[0].index in builder.values
    if hosted or not (makes_codes or moves):
        # Codes that are made of it are the host's as well: the program is what comes before.
        builder.host |= set(operator.outputs)
        return False
    if not known:
        raise operator.error("the operation is not supported", allowed=", ".join(converters()))
    try:
        converters()[operator.op](operator, builder)
    except InputError as error:
        raise problem_of(operator, error) from None
    return True


def _after_codes(operator: Operator, builder: Builder) -> bool:
    """Whether a float is made of the program's results, and not of the model's inputs."""
    makers = {index: maker for maker in builder.graph.operators for index in maker.outputs}
    waiting, seen = list(operator.inputs), set()
    while waiting:
        index = waiting.pop()
        if index in builder.values:
            return True
        if index in makers and index not in seen:
            seen.add(index)
            waiting += [i for i in makers[index].inputs if i >= 0]
    return False


def _program(
    path: Path, name: str | None, builder: Builder, notes: tuple[str, ...], variables: Variables
) -> Program:
    graph = builder.graph
    outputs = [index for index in graph.outputs if index in builder.values]
    for operator in graph.operators:
        if operator.outputs and set(operator.outputs) <= builder.host:
            read = [index for index in operator.inputs if index in builder.values]
            outputs += [index for index in read if graph.tensors[index].data is None]
    made = (*(builder.values[index] for index in outputs), *variables.next_values())
    names = tuple(dict.fromkeys(made))
    if not names or not builder.inputs:
        raise InputError("nothing is left of the model when floats are left out", allowed="an integer model")
    try:
        return Program(
            name=builder.fresh(path.stem if name is None else name),
            notes=notes,
            input_names=tuple(builder.inputs),
            output_names=names,
            tensors=builder.tensors,
            steps=tuple(builder.steps),
            real=Real(tensors=builder.real, accumulators=builder.accumulators),
            datapath=builder.datapath,
        )
    except ValidationError as error:
        raise first_complaint(error) from None
