"""Random graphs of one operator each, most of them legal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.oracles.tosa_graphs import Given, GraphBuilder

Array = npt.NDArray[Any]
Random = np.random.Generator
Case = Callable[[Random], GraphBuilder]

LIMITS = {
    "BOOL": (0, 1), "INT4": (-7, 7), "INT8": (-128, 127), "INT16": (-(2**15), 2**15 - 1),
    "INT32": (-(2**31), 2**31 - 1), "INT48": (-(2**47), 2**47 - 1),
}  # fmt: skip


def values(random: Random, kind: str, shape: Sequence[int], bits: int = 48) -> Array:
    """Values of a type, extremes among them; of so many bits at most."""
    low, high = (max(min(limit, 2 ** (bits - 1) - 1), -(2 ** (bits - 1))) for limit in LIMITS[kind])
    made = random.integers(low, high, shape, endpoint=True)
    return np.where(random.random(shape) < 0.1, random.choice([low, high], shape), made)


def _shape(random: Random, ranks: tuple[int, int] = (0, 4)) -> tuple[int, ...]:
    return tuple(int(size) for size in random.integers(1, 6, random.integers(*ranks, endpoint=True)))


def off(random: Random, number: int, chance: float = 0.05) -> int:
    """A number, now and then a wrong one."""
    return number + int(random.choice([-1, 1])) if random.random() < chance else number


def size_off(random: Random, size: int, chance: float = 0.05) -> int:
    """A size, now and then a wrong one."""
    return max(off(random, size, chance), 1)


def given(random: Random) -> Given:
    return Given.FED if random.random() < 0.7 else Given.STORED


def binary(op: str) -> Case:
    """Two operands of one rank, broadcast."""

    def case(random: Random) -> GraphBuilder:
        graph, kind = GraphBuilder(), "INT32"
        if op in {"MUL", "ARITHMETIC_RIGHT_SHIFT"}:
            kind = str(random.choice(["INT8", "INT16", "INT32"]))
        made = _shape(random)
        shapes = [tuple(1 if random.random() < 0.2 else size for size in made) for _ in range(2)]
        made = tuple(max(a, b) for a, b in zip(*shapes, strict=True))
        bits = 30 if op in {"ADD", "SUB"} else 48
        a, b = (values(random, kind, shape, bits) for shape in shapes)
        if op == "ARITHMETIC_RIGHT_SHIFT":
            b = random.integers(0, {"INT8": 8, "INT16": 16, "INT32": 32}[kind], shapes[1])
        inputs = [graph.operand(kind, a, Given.FED), graph.operand(kind, b, given(random))]
        arguments: tuple[Any, ...] = ()
        if op == "MUL":
            shift = int(random.integers(33, 63)) if kind == "INT32" else 0
            inputs.append(graph.operand("INT8", [shift]))
        if op == "ARITHMETIC_RIGHT_SHIFT":
            arguments = (bool(random.integers(2)),)
        if op in {"MINIMUM", "MAXIMUM"}:
            arguments = ("NanPropagationMode.PROPAGATE",)
        made = tuple(size_off(random, size) for size in made)
        graph.apply(op, inputs, "INT32" if op == "MUL" else kind, made, arguments)
        return graph

    return case


def clamp(random: Random) -> GraphBuilder:
    """Bounds as bytes."""
    graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT16"]))
    shape = _shape(random)
    bounds = values(random, kind, (2,))
    if random.random() < 0.8:
        bounds.sort()
    raw = [list(int(bound).to_bytes(1 if kind == "INT8" else 2, "little", signed=True)) for bound in bounds]
    x = graph.operand(kind, values(random, kind, shape), Given.FED)
    graph.apply("CLAMP", [x], kind, shape, (*raw, "NanPropagationMode.PROPAGATE"))
    return graph


def rescale(random: Random) -> GraphBuilder:
    """Any width to any other, both roundings, per channel or not, unsigned or not."""
    graph = GraphBuilder()
    x_kind, y_kind = (str(random.choice(["INT8", "INT16", "INT32"])) for _ in range(2))
    shape = _shape(random, (1, 3))
    wide, channelwise = bool(random.random() < 0.7), bool(random.integers(2))
    flags = [bool(random.random() < 0.2) for _ in range(2)]
    count = shape[-1] if channelwise else 1
    factors = random.integers(2 ** (30 if wide else 14), 2 ** (31 if wide else 15), count)
    room = int(random.integers(2, 40))
    shifts = np.clip(random.integers(room, room + 4, count), 2, 62)
    zeros = [int(random.integers(-20, 20)) if kind == "INT8" else off(random, 0) for kind in (x_kind, y_kind)]
    double = wide and random.random() < 0.5
    x = values(random, x_kind, shape)
    inputs = [
        graph.operand(x_kind, x, Given.FED),
        graph.operand("INT32" if wide else "INT16", factors),
        graph.operand("INT8", shifts),
        graph.operand(x_kind, [zeros[0]]),
        graph.operand(y_kind, [zeros[1]]),
    ]
    mode = "RoundingMode.DOUBLE_ROUND" if double else "RoundingMode.SINGLE_ROUND"
    graph.apply("RESCALE", inputs, y_kind, shape, (wide, mode, channelwise, *flags))
    return graph


def table(random: Random) -> GraphBuilder:
    """256 entries, or 513 to go between."""
    graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT16"]))
    shape = _shape(random)
    entries = values(random, kind, (256 if kind == "INT8" else 513,), 15)
    inputs = [graph.operand(kind, values(random, kind, shape), Given.FED), graph.operand(kind, entries)]
    graph.apply("TABLE", inputs, "INT8" if kind == "INT8" else "INT32", shape)
    return graph


def _moved(random: Random, ranks: tuple[int, int]) -> tuple[GraphBuilder, str, tuple[int, ...], str]:
    graph, kind = GraphBuilder(), str(random.choice(["BOOL", "INT8", "INT16", "INT32"]))
    shape = _shape(random, ranks)
    return graph, kind, shape, graph.operand(kind, values(random, kind, shape), given(random))


def pad(random: Random) -> GraphBuilder:
    """A constant around a tensor."""
    graph, kind, shape, x = _moved(random, (1, 4))
    pads = np.array([off(random, int(random.integers(0, 3))) for _ in range(2 * len(shape))])
    made = [size + int(pair.sum()) for size, pair in zip(shape, pads.reshape(-1, 2), strict=True)]
    constant = graph.operand(kind, values(random, kind, (1,)))
    graph.apply("PAD", [x, graph.operand("SHAPE", pads), constant], kind, [max(size, 1) for size in made])
    return graph


def concat(random: Random) -> GraphBuilder:
    """Up to three tensors."""
    graph, kind, shape, x = _moved(random, (1, 4))
    axis = int(random.integers(len(shape)))
    inputs, total = [x], shape[axis]
    for _ in range(int(random.integers(3))):
        other = list(shape)
        other[axis] = int(random.integers(1, 4))
        total += other[axis]
        inputs.append(graph.operand(kind, values(random, kind, other), given(random)))
    made = [*shape[:axis], size_off(random, total), *shape[axis + 1 :]]
    graph.apply("CONCAT", inputs, kind, made, (off(random, axis, 0.02),))
    return graph


def reshape(random: Random) -> GraphBuilder:
    """Sizes in another order, and ones."""
    graph, kind, shape, x = _moved(random, (0, 4))
    made = [int(size) for size in random.permutation([*shape, 1])]
    wanted = graph.operand("SHAPE", [off(random, size, 0.02) for size in made])
    graph.apply("RESHAPE", [x, wanted], kind, made)
    return graph


def slice_(random: Random) -> GraphBuilder:
    """A part of every axis."""
    graph, kind, shape, x = _moved(random, (1, 4))
    starts = [int(random.integers(size)) for size in shape]
    sizes = [
        off(random, int(random.integers(1, size - start, endpoint=True)))
        for size, start in zip(shape, starts, strict=True)
    ]
    inputs = [x, graph.operand("SHAPE", starts), graph.operand("SHAPE", sizes)]
    graph.apply("SLICE", inputs, kind, [max(size, 1) for size in sizes])
    return graph


def transpose(random: Random) -> GraphBuilder:
    """Axes in another order."""
    graph, kind, shape, x = _moved(random, (1, 5))
    order = [int(axis) for axis in random.permutation(len(shape))]
    made = [shape[axis] for axis in order]
    graph.apply("TRANSPOSE", [x], kind, made, ([off(random, axis, 0.02) for axis in order],))
    return graph


def tile(random: Random) -> GraphBuilder:
    """Copies along every axis."""
    graph, kind, shape, x = _moved(random, (1, 4))
    counts = [off(random, int(random.integers(1, 4)), 0.02) for _ in shape]
    made = [max(size * count, 1) for size, count in zip(shape, counts, strict=True)]
    graph.apply("TILE", [x, graph.operand("SHAPE", counts)], kind, made)
    return graph


def argmax(random: Random) -> GraphBuilder:
    """Ties are common among few values."""
    graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT16"]))
    shape = _shape(random, (1, 4))
    axis = int(random.integers(len(shape)))
    x = graph.operand(kind, random.integers(-2, 3, shape), given(random))
    made = (*shape[:axis], *shape[axis + 1 :])
    graph.apply("ARGMAX", [x], "INT32", made, (off(random, axis), "NanPropagationMode.PROPAGATE"))
    return graph
