"""QuantizeLinear, DequantizeLinear and the operators of the QOperator form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.qdq.builder import Coded
from npusim.importers.qdq.floats import TO_HOST, fuse_waiting
from npusim.importers.qdq.functions import float_function, table
from npusim.importers.qdq.fused import Fused
from npusim.importers.qdq.qoperators import QOperator
from npusim.importers.qdq.quantization import CODES, Quantization
from npusim.importers.qdq.registry import fused_converters
from npusim.importers.qdq.state import State


def quantize(node: OnnxNode, state: State) -> None:
    """QuantizeLinear: of a constant, of the host's floats, of what waits for it, or of codes."""
    source, made, builder = node.inputs[0], node.outputs[0], state.builder
    meaning = state.meaning(node, 1, 2, np.dtype(np.uint8))
    if state.is_constant(source):
        (real,) = state.known_floats([source])
        assert real is not None
        builder.values[made] = meaning.quantize(real).astype(meaning.dtype)
        builder.meanings[made] = meaning
        return
    if meaning.dtype not in CODES or not meaning.per_tensor:
        found = f"{meaning.dtype}, {meaning.scales.size} scales"
        raise node.error("activations of 8 bits with one scale are supported", found=found)
    if source in state.host:
        _from_host(node, source, made, meaning, state)
    elif source in state.waiting:
        fused = fuse_waiting(node, made, meaning, state)
        if fused is not None:
            convert_fused(fused, state)
    else:
        _requantize(node, source, made, meaning, state)


def _from_host(node: OnnxNode, source: str, made: str, meaning: Quantization, state: State) -> None:
    if state.host[source]:
        state.host[made] = True
    elif source in state.builder.graph.inputs:
        state.builder.add_input(made, source, meaning)
    else:
        raise node.error("floats are computed before the first QuantizeLinear", found=source)


def _requantize(node: OnnxNode, source: str, made: str, meaning: Quantization, state: State) -> None:
    """Codes of codes, through a table unless nothing changes."""
    builder, x = state.builder, state.coded(node, source)
    own, functions = builder.meanings[source], state.functions.get(source, ())
    state.fused |= {name for name, _ in functions}
    if functions or not own.same_as(meaning):
        entries = table(own, [function for _, function in functions], meaning)
        named = replace(node, outputs=(made,))
        if own.dtype == meaning.dtype == builder.dtype:
            x = builder.unchanged(named, "table", x, fields={"table": entries})
        else:
            signed = meaning.dtype.kind == "i"
            x = builder.unchanged(named, "recode", x, bits=8, signed=signed, table=entries[np.newaxis])
    builder.set(made, x, meaning)


def dequantize(node: OnnxNode, state: State) -> None:
    """DequantizeLinear: the same codes, or constants, with a meaning."""
    source, made, builder = node.inputs[0], node.outputs[0], state.builder
    value = builder.values.get(source)
    default = value.dtype if isinstance(value, np.ndarray) else builder.dtype
    meaning = state.meaning(node, 1, 2, default)
    if isinstance(value, np.ndarray):
        builder.values[made], builder.meanings[made] = value, meaning
    elif state.host.get(source):
        state.host[made] = True
    elif source in state.host:
        if source not in builder.graph.inputs:
            raise node.error("reads a tensor that is no codes", found=source)
        del state.host[source]
        builder.set(made, builder.add_input(source, source, meaning), meaning)
    else:
        builder.set(made, state.coded(node, source), meaning)


def quantized_operator(node: OnnxNode, layout: QOperator, state: State) -> None:
    """An operator of the QOperator form."""
    dtype = state.builder.dtype
    meaning = state.meaning(node, *layout.result, dtype)
    if any(state.host.get(node.inputs[place]) for place, _, _ in layout.operands):
        state.host[node.outputs[0]] = True
        return
    given = [
        _given(node, codes, state.meaning(node, scale, zero, dtype), state)
        for codes, scale, zero in layout.operands
    ]
    operands: list[Coded | None] = [*given]
    if layout.bias is not None and node.has_input(layout.bias):
        operands.append(Coded(state.builder.constant(node, layout.bias), given[0].meaning))
    plain = OnnxNode(layout.op, node.name, node.inputs, node.outputs, node.attributes, node.opset)
    convert_fused(Fused(plain, tuple(operands), meaning), state)


def _given(node: OnnxNode, place: int, meaning: Quantization, state: State) -> Coded:
    """An operand with its meaning; the program's input if it is the model's."""
    name, builder = node.inputs[place], state.builder
    if name in builder.graph.inputs and name not in builder.meanings:
        del state.host[name]
        builder.add_input(name, name, meaning)
    value = builder.values.get(name)
    if value is None:
        raise node.error(f"input {place} is no tensor of codes", found=name)
    return Coded(value, meaning)


def convert_fused(fused: Fused, state: State) -> None:
    """Add the steps of a quantized operator; what ends the program is the host's."""
    node, builder = fused.node, state.builder
    converter, made = fused_converters().get(node.op), node.outputs[0]
    if node.op in TO_HOST:
        state.host[made] = True
    elif converter is not None:
        fused.checked(fused.result, builder)
        builder.set(made, converter(fused, builder), fused.result)
    else:
        _as_function(fused, state)


def _as_function(fused: Fused, state: State) -> None:
    node, builder = fused.node, state.builder
    function = float_function(node, ())
    if function is None:
        raise node.error("the quantized operation is not supported", allowed=", ".join(fused_converters()))
    x, meaning = fused.tensor(0, builder)
    fields = {"table": table(meaning, (function,), fused.checked(fused.result, builder))}
    builder.set(node.outputs[0], builder.unchanged(node, "table", x, fields=fields), fused.result)
