"""Operations on floats: moved codes, functions of codes, and what waits for a QuantizeLinear."""

from __future__ import annotations

import numpy as np

from npusim.importers.onnx.builder import Tensor
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.qdq.builder import Coded
from npusim.importers.qdq.functions import bounds, float_function
from npusim.importers.qdq.fused import Fused
from npusim.importers.qdq.moves import MOVES, move
from npusim.importers.qdq.quantization import UNQUANTIZED, Quantization
from npusim.importers.qdq.state import State

TO_HOST = {"LogSoftmax", "Softmax"}
"""The program ends before them (W8), quantized or not."""

_CLIPPING = {"Clip", "Relu"}
_WITH_CONSTANTS = {"Add", "Mul"}


def convert_float(node: OnnxNode, state: State) -> None:
    """A node that is no operator on integers, and not all of whose inputs are known."""
    builder, first = state.builder, node.inputs[0]
    given = [name for name in node.inputs if name]
    made = [name for name in node.outputs if name]
    if any(name in state.host for name in given):
        needed = any(state.host.get(name, not state.is_constant(name)) for name in given)
        state.host |= dict.fromkeys(made, needed)
        return
    known = all(state.is_constant(name) for name in given[1:])
    coded = known and builder.is_coded(first) and first not in state.waiting
    if coded and node.op in MOVES and first not in state.functions:
        for name, tensor in zip(node.outputs, move(node, builder), strict=False):
            builder.set(name, tensor, builder.meanings[first])
        return
    function = float_function(node, state.known_floats(node.inputs[1:])) if coded else None
    if function is None:
        state.waiting |= dict.fromkeys(made, node)
    else:
        builder.set(made[0], state.coded(node, first), builder.meanings[first])
        state.functions[made[0]] = (*state.functions.get(first, ()), (made[0], function))


def fuse_waiting(quantize: OnnxNode, made: str, meaning: Quantization, state: State) -> Fused | None:
    """The quantized operator of what waits for a QuantizeLinear; None if it is the host's."""
    source = quantize.inputs[0]
    node, names, clips = state.waiting[source], {source}, []
    while node.op in _CLIPPING and node.inputs[0] in state.waiting:
        clips.append(bounds(node, state.known_floats(node.inputs[1:])))
        names.add(node.inputs[0])
        node = state.waiting[node.inputs[0]]
    if node.op in TO_HOST:
        state.host[made] = True
        return None
    low: float | None = None
    high: float | None = None
    for clip in reversed(clips):
        low, high = _within(low, clip, clip[0]), _within(high, clip, clip[1])
    operands = tuple(_operand(node, name, quantize, state) for name in node.inputs)
    plain = OnnxNode(node.op, node.name, node.inputs, (made,), node.attributes, node.opset)
    lift = 128 if meaning.dtype.kind == "i" else 0
    fused = Fused(plain, operands, meaning, low, high, lift)
    state.fused |= names
    state.lifts = state.lifts or fused.lift > 0
    if any(state.uses[name] > 1 for name in names) or not _is_quantized_by_onnxruntime(fused):
        state.inexact.append(fused)
    return fused


def _is_quantized_by_onnxruntime(fused: Fused) -> bool:
    """Whether ONNX Runtime fuses it: no clipping remains, constants have the type of activations.

    On x86-64 it turns int8 activations into uint8, but not the constants that they are added to.
    """
    limits, clipped = fused.result.codes, fused.clips()
    constants = fused.lift and any(x and not isinstance(x.content, Tensor) for x in fused.operands)
    if fused.node.op in _WITH_CONSTANTS and constants:
        return False
    return clipped["low"] == limits.low and clipped["high"] == limits.high


def _operand(node: OnnxNode, name: str, quantize: OnnxNode, state: State) -> Coded | None:
    if not name:
        return None
    value, meaning = state.builder.values.get(name), state.builder.meanings.get(name)
    if isinstance(value, np.ndarray) and meaning is None:
        return Coded(value, UNQUANTIZED)
    if value is None or meaning is None or name in state.host or state.waits(name):
        raise node.error(
            f"computes in float between integers: {quantize.label} quantizes its result, "
            "but one of its inputs is not quantized",
            found=name,
            allowed="DequantizeLinear before each of its inputs",
        )
    return Coded(value, meaning)


def _within(
    bound: float | None, clip: tuple[float | None, float | None], missing: float | None
) -> float | None:
    """A bound after another clipping."""
    if bound is None:
        return missing
    low, high = clip
    bound = bound if low is None else max(bound, low)
    return bound if high is None else min(bound, high)
