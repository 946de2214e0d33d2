"""A quantized ONNX model as a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from npusim.datapath import load_datapath
from npusim.errors import InputError
from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.complaints import first_complaint
from npusim.importers.onnx.graph import OnnxGraph
from npusim.importers.onnx.importer import Numbers, preprocess_of
from npusim.importers.onnx.reader import onnx_package, read_onnx
from npusim.importers.qdq.builder import StepBuilder
from npusim.importers.qdq.conversion import convert
from npusim.importers.qdq.qoperators import DYNAMIC, INTEGER_OPERATIONS, qoperator
from npusim.importers.qdq.state import State
from npusim.importers.tflite.importer import with_bytes
from npusim.program import Program, Real

DATAPATHS = {"uint8": "onnxruntime", "int8": "onnxruntime_int8"}
"""By the type of a model's activations."""

DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})
OPSETS = range(10, 22)


@dataclass(frozen=True)
class ImportedOnnx:
    """A program, and what its tensors are in the model.

    Attributes
    ----------
    tensors
        By ONNX name the program's tensor and how it is read out of it.
    """

    program: Program
    tensors: Mapping[str, Tensor]


def holds_integers(path: Path) -> bool:
    """Whether an ONNX file holds operators on integers; damaged files do not."""
    proto = onnx_package().ModelProto()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception:  # noqa: BLE001  whoever reads it says what is wrong
        return False
    return any(node.op_type in INTEGER_OPERATIONS | DYNAMIC for node in proto.graph.node)


def import_quantized(
    path: str | Path,
    *,
    name: str | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    channel_order: str = "rgb",
) -> Program:
    """Read an ONNX model with 8-bit activations, in QDQ or QOperator form (opset 10 to 21).

    What the program computes are the bits of ONNX Runtime's quantized operators on the CPU, to which it
    fuses QDQ models. Floats at the end, softmax among them, are left to the host; `Program.notes` says so.

    Parameters
    ----------
    path
        The .onnx file; external weights are read from its folder only.
    name
        The program's name; by default the file's.
    mean, std, channel_order
        How bytes become the real numbers that the model reads, ``(x - mean) / std``; without them the
        program is fed codes or real numbers.

    Raises
    ------
    InputError
        Naming the file, and the node that is not supported.
    """
    preprocess = preprocess_of(mean, std, channel_order)
    program = import_onnx_integers(path, name=name).program
    return program if preprocess is None else with_bytes(program, preprocess)


def import_onnx_integers(path: str | Path, *, name: str | None = None) -> ImportedOnnx:
    """As `import_quantized`, with the names of all tensors."""
    path = Path(path)
    try:
        graph = read_onnx(path, DOMAINS, OPSETS)
        builder = StepBuilder(_plain(graph), load_datapath(DATAPATHS[_activations(graph)]))
        state = State(builder)
        for node in graph.nodes:
            convert(node, state)
        program = _program(path.stem if name is None else name, state, graph)
    except InputError as error:
        raise error.at(file=path) from None
    tensors = {
        name: x for name, x in builder.values.items() if builder.is_coded(name) and isinstance(x, Tensor)
    }
    return ImportedOnnx(program, {name: x for name, x in tensors.items() if not state.is_float(name)})


def _plain(graph: OnnxGraph) -> OnnxGraph:
    """The graph with quantized operators called by their plain names: for the layout of its inputs."""
    nodes = []
    for node in graph.nodes:
        found = qoperator(node.op, len(node.inputs))
        nodes.append(node if found is None else replace(node, op=found.op))
    return replace(graph, nodes=tuple(nodes))


def _activations(graph: OnnxGraph) -> str:
    """The type of most activations, by the zero points they are quantized with."""
    kinds: Counter[str] = Counter()
    for node in graph.nodes:
        found = qoperator(node.op, len(node.inputs))
        place = 2 if node.op == "QuantizeLinear" else found.result[1] if found is not None else None
        if place is None or node.inputs[0] in graph.constants:
            continue
        zero = graph.constants.get(node.inputs[place]) if node.has_input(place) else None
        kinds[str(np.dtype(np.uint8) if zero is None else zero.dtype)] += 1
    if not kinds:
        raise InputError(
            "no activation of the model is quantized", allowed="QuantizeLinear, QLinear operators"
        )
    most = max(kinds, key=lambda kind: kinds[kind])
    if most not in DATAPATHS:
        raise InputError(
            "activations of this type are not supported", found=most, allowed=", ".join(DATAPATHS)
        )
    return most


def _program(name: str, state: State, graph: OnnxGraph) -> Program:
    builder = state.builder
    outputs, left = _outputs(state, graph)
    if not outputs or not builder.inputs:
        raise InputError("nothing is left of the model when floats are left out", allowed="a quantized model")
    notes = []
    if left:
        what = ", ".join(f"{number} {op}" for op, number in sorted(Counter(left).items()))
        notes.append(f"left to the host, being or following operations in float: {what}")
    if state.inexact:
        what = ", ".join(fused.node.name for fused in state.inexact)
        notes.append(f"computed in integers, where ONNX Runtime on x86-64 computes in float: {what}")
    if _leaves_integers_out(state):
        notes.append(
            "ONNX Runtime on x86-64 runs int8 as uint8 but where a tensor is read more than once: "
            "beside it, it computes in float"
        )
    try:
        return Program(
            name=builder.fresh_name(name),
            notes=tuple(notes),
            input_names=tuple(builder.inputs),
            output_names=outputs,
            tensors=builder.tensors,
            steps=tuple(builder.steps),
            real=Real(tensors=builder.real, accumulators=builder.accumulators),
            datapath=builder.datapath,
        )
    except ValidationError as error:
        raise first_complaint(error) from None


def _leaves_integers_out(state: State) -> bool:
    """Whether ONNX Runtime computes parts of a QDQ model with int8 activations in float."""
    made = [node for node in state.builder.graph.nodes if node.op == "DequantizeLinear"]
    coded = [node.outputs[0] for node in made if state.builder.is_coded(node.outputs[0])]
    return state.lifts and any(state.uses[name] > 1 for name in coded)


def _outputs(state: State, graph: OnnxGraph) -> tuple[tuple[str, ...], list[str]]:
    """What the program answers with: the model's codes, then what the host reads; the host's operations."""
    builder = state.builder
    names = [name for name in graph.outputs if builder.is_coded(name)]
    left = []
    for node in graph.nodes:
        if any(state.is_float(name) for name in node.outputs):
            names += [name for name in node.inputs if builder.is_coded(name)]
            left.append(node.op)
    tensors = [builder.values[name] for name in names]
    return tuple(dict.fromkeys(x.name for x in tensors if isinstance(x, Tensor))), left
