"""Evaluates operations on constants: shape arithmetic and what exporters leave uncomputed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from npusim.errors import InputError
from npusim.importers.onnx.elementwise import ELEMENTWISE
from npusim.importers.onnx.graph import Array, OnnxGraph, OnnxNode

MAX_ELEMENTS = 1 << 28
"""No constant grows beyond this: a hostile file must not fill the memory."""

Evaluator = Callable[[OnnxNode, Sequence[Array]], Array]


def evaluate(node: OnnxNode, inputs: Sequence[Array | None]) -> Array | None:
    """The node's only output if all of its given inputs are constant and it can be computed; else None.

    Raises
    ------
    InputError
        If the constants do not suit the operation.
    """
    given = [value for value in inputs if value is not None]
    evaluator = _EVALUATORS.get(node.op)
    if evaluator is None or len([n for n in node.outputs if n]) != 1:
        return None
    if len(given) != len([name for name in node.inputs if name]):
        return None
    try:
        with np.errstate(all="ignore"):
            made = np.asarray(evaluator(node, given))
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001  constants of any shape and value: numpy complains in many ways
        raise node.error(f"its constants do not suit it: {error}") from None
    return made


def fold_constants(graph: OnnxGraph) -> OnnxGraph:
    """The graph without the nodes that depend on constants only."""
    constants = dict(graph.constants)
    nodes = []
    for node in graph.nodes:
        made = evaluate(node, [constants.get(name) for name in node.inputs])
        if made is None or node.outputs[0] in graph.outputs:
            nodes.append(node)
        else:
            constants[next(name for name in node.outputs if name)] = made
    return replace(graph, nodes=tuple(nodes), constants=constants)


def _limited(node: OnnxNode, shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(int(length) for length in shape)
    if any(length < 0 for length in sizes) or prod(sizes) > MAX_ELEMENTS or len(sizes) > 16:
        raise node.error("makes a constant that is too large", found=sizes, allowed=f"{MAX_ELEMENTS} values")
    return sizes


def _constant(node: OnnxNode, _: Sequence[Array]) -> Array:
    for name in ("value", "value_int", "value_ints", "value_float", "value_floats"):
        if name in node.attributes:
            value = node.attributes[name]
            kind = np.int64 if "int" in name else np.float32
            return value if isinstance(value, np.ndarray) else np.array(value, kind)
    raise node.error("a constant without a numeric value")


def _constant_of_shape(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32)))
    return np.full(_limited(node, inputs[0].reshape(-1).tolist()), value.reshape(-1)[0])


def _axes(node: OnnxNode, inputs: Sequence[Array]) -> tuple[int, ...] | None:
    """Axes as an input (opset 13 on) or an attribute."""
    if len(inputs) > 1:
        return tuple(int(axis) for axis in inputs[1].reshape(-1))
    return node.integers("axes")


def _squeeze(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    return np.squeeze(inputs[0], _axes(node, inputs))


def _unsqueeze(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    return np.expand_dims(inputs[0], _axes(node, inputs) or ())


def _gather(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    return np.take(inputs[0], inputs[1].astype(np.int64), axis=node.integer("axis", 0))


def _slice(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    data, starts, ends, *rest = inputs
    axes = rest[0].tolist() if rest else range(starts.size)
    steps = rest[1].tolist() if len(rest) > 1 else [1] * starts.size
    cut = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        end_or_none = None if step < 0 and end < -data.shape[axis] else end
        cut[axis] = slice(start, end_or_none, step)
    return data[tuple(cut)]


def _reshape(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    return inputs[0].reshape(_limited_reshape(node, inputs))


def _limited_reshape(node: OnnxNode, inputs: Sequence[Array]) -> tuple[int, ...]:
    data, shape = inputs
    copied = enumerate(shape.reshape(-1).tolist())
    return tuple(
        data.shape[axis] if length == 0 and not node.integer("allowzero", 0) else length
        for axis, length in copied
    )


def _expand(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    data, shape = inputs
    return np.broadcast_to(data, _limited(node, np.broadcast_shapes(data.shape, tuple(shape.tolist()))))


def _range(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    start, limit, delta = (value.reshape(-1)[0] for value in inputs)
    _limited(node, [max(0, int(np.ceil((limit - start) / delta)))])
    return np.arange(start, limit, delta, dtype=inputs[0].dtype)


def _cast(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    kinds = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
             10: np.float32, 11: np.float64}  # fmt: skip
    to = node.integer("to", 1)
    if to not in kinds:
        raise node.error("casts to a type that is not supported", found=to)
    return inputs[0].astype(kinds[to])


def _transpose(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    return inputs[0].transpose(node.integers("perm"))


def _tile(node: OnnxNode, inputs: Sequence[Array]) -> Array:
    data, repeats = inputs
    _limited(node, [length * times for length, times in zip(data.shape, repeats.tolist(), strict=True)])
    return np.tile(data, repeats)


def _reduce(function: Callable[..., Array]) -> Evaluator:
    def evaluator(node: OnnxNode, inputs: Sequence[Array]) -> Array:
        return function(inputs[0], axis=_axes(node, inputs), keepdims=bool(node.integer("keepdims", 1)))

    return evaluator


def _elementwise(op: str) -> Evaluator:
    def evaluator(node: OnnxNode, inputs: Sequence[Array]) -> Array:
        _limited(node, np.broadcast_shapes(*(value.shape for value in inputs)))
        return ELEMENTWISE[op](node, inputs)

    return evaluator


_EVALUATORS: dict[str, Evaluator] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Gather": _gather,
    "Slice": _slice,
    "Reshape": _reshape,
    "Expand": _expand,
    "Range": _range,
    "Cast": _cast,
    "Transpose": _transpose,
    "Tile": _tile,
    "Concat": lambda node, inputs: np.concatenate(inputs, axis=node.integer("axis", 0)),
    "Identity": lambda _, inputs: inputs[0],
    "Shape": lambda node, inputs: shape_slice(node, inputs[0].shape),
    "Size": lambda _, inputs: np.array(inputs[0].size, np.int64),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceMean": _reduce(np.mean),
    **{op: _elementwise(op) for op in ELEMENTWISE},
}


def shape_slice(node: OnnxNode, shape: Sequence[int]) -> Array:
    """What Shape answers, with the bounds of opset 15."""
    end = node.integer("end", len(shape))
    return np.array(shape[node.integer("start", 0) : end], np.int64)
