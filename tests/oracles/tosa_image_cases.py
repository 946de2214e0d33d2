"""Random graphs of one operator on images or matrices each, most of them legal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.oracles.tosa_graph_cases import Case, Random, given, off, size_off, values
from tests.oracles.tosa_graphs import Given, GraphBuilder

_SUMS = {"INT8": "INT32", "INT16": "INT48"}

_WRONG = {"INT8": 0.03, "INT16": 0.0}
"""The chance of a wrong number. The model crashes on some graphs of several operators that it refuses."""


def _zero(random: Random, kind: str) -> list[int]:
    return [int(random.integers(-128, 128)) if kind == "INT8" else 0]


def _sums(
    graph: GraphBuilder,
    op: str,
    inputs: list[str],
    kind: str,
    shape: Sequence[int],
    arguments: Sequence[Any],
    scale: tuple[int, int] = (4, 2),
) -> None:
    """An operator that makes sums; 48-bit ones are rescaled, since the model's bindings hand out none.

    Parameters
    ----------
    scale
        Multiplier and shift; by default sums that fit 32 bits stay what they are.
    """
    made = graph.apply(op, inputs, kind, shape, arguments)
    if kind == "INT48":
        operands = [("INT16", scale[0]), ("INT8", scale[1]), ("INT48", 0), ("INT32", 0)]
        inputs = [made, *(graph.operand(kind, [value]) for kind, value in operands)]
        graph.apply(
            "RESCALE", inputs, "INT32", shape, (False, "RoundingMode.SINGLE_ROUND", False, False, False)
        )


def _window(
    random: Random, sizes: list[int], kernel: list[int], kind: str, dilated: bool
) -> tuple[list[int], ...]:
    """Stride, dilation, padding that reach every pixel, and the output's sizes."""
    strides, dilations, pads, made = [], [], [], []
    chance = _WRONG[kind]
    for size, taps in zip(sizes, kernel, strict=True):
        stride, dilation = int(random.integers(1, 4)), int(random.integers(1, 3)) if dilated else 1
        before = int(random.integers(taps))
        reach = (taps - 1) * dilation + 1
        after = next(
            n for n in range(100) if size + before + n >= reach and (size + before + n - reach) % stride == 0
        )
        strides.append(stride)
        dilations.append(dilation)
        pads += [before, after]
        made.append((size + before + after - reach) // stride + 1)
    return strides, dilations, [off(random, pad, chance) for pad in pads], made


def convolution(op: str) -> Case:
    """Zero points, 4- and 8-bit weights, 8- and 16-bit activations, one or two images."""

    def case(random: Random) -> GraphBuilder:
        graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT8", "INT16"]))
        weight = str(random.choice(["INT8", "INT4"])) if kind == "INT8" else "INT8"
        images, channels = int(random.integers(1, 3)), int(random.integers(1, 5))
        sizes, kernel = [[int(n) for n in random.integers(1, most, 2)] for most in (7, 4)]
        outputs = int(random.integers(1, 5))
        if op == "TRANSPOSE_CONV2D":
            strides = [int(n) for n in random.integers(1, 4, 2)]
            pads = [int(random.integers(1 - kernel[i // 2], 3)) for i in range(4)]
            made = [(sizes[i] - 1) * strides[i] + pads[2 * i] + pads[2 * i + 1] + kernel[i] for i in range(2)]
            made = [max(size, 1) for size in made]
            arguments = [pads, [off(random, stride, _WRONG[kind]) for stride in strides]]
        else:
            strides, dilations, pads, made = _window(random, sizes, kernel, kind, dilated=True)
            arguments = [pads, strides, dilations]
        shape = [outputs, *kernel, channels]
        if op == "DEPTHWISE_CONV2D":
            shape, outputs = [*kernel, channels, outputs], channels * outputs
        bias = 1 if random.random() < 0.3 else size_off(random, outputs, _WRONG[kind])
        inputs = [
            graph.operand(kind, values(random, kind, [images, *sizes, channels]), Given.FED),
            graph.operand(
                weight, values(random, weight, shape), Given.STORED if weight == "INT4" else given(random)
            ),
            graph.operand(_SUMS[kind], values(random, _SUMS[kind], (bias,), 24)),
            graph.operand(kind, _zero(random, kind)),
            graph.operand(weight, _zero(random, weight if kind == "INT8" else "INT16")),
        ]
        made = [images, *[size_off(random, size, _WRONG[kind]) for size in made], outputs]
        _sums(graph, op, inputs, _SUMS[kind], made, (*arguments, False, f"DType.{_SUMS[kind]}"))
        return graph

    return case


def pool(op: str) -> Case:
    """Averages and maxima."""

    def case(random: Random) -> GraphBuilder:
        graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT16"]))
        images, channels = int(random.integers(1, 3)), int(random.integers(1, 5))
        sizes, kernel = [[int(n) for n in random.integers(1, most, 2)] for most in (7, 5)]
        strides, _, pads, made = _window(random, sizes, kernel, kind, dilated=False)
        inputs = [graph.operand(kind, values(random, kind, [images, *sizes, channels]), Given.FED)]
        last = "NanPropagationMode.PROPAGATE"
        if op == "AVG_POOL2D":
            inputs += [graph.operand(kind, _zero(random, kind)) for _ in range(2)]
            last = "DType.INT32"
        made = [images, *[size_off(random, size, _WRONG[kind]) for size in made], channels]
        graph.apply(op, inputs, kind, made, (kernel, strides, pads, last))
        return graph

    return case


def matmul(random: Random) -> GraphBuilder:
    """A few products of matrices."""
    graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT16"]))
    count, rows, inner, columns = (int(n) for n in random.integers(1, 6, 4))
    inputs = [
        graph.operand(kind, values(random, kind, (count, rows, inner)), Given.FED),
        graph.operand(
            kind, values(random, kind, (count, size_off(random, inner, _WRONG[kind]), columns)), given(random)
        ),
        graph.operand(kind, _zero(random, kind)),
        graph.operand(kind, _zero(random, kind)),
    ]
    _sums(graph, "MATMUL", inputs, _SUMS[kind], (count, rows, columns), (), (1, 3))
    return graph


def resize(random: Random) -> GraphBuilder:
    """Nearest and bilinear, up and down."""
    graph, kind = GraphBuilder(), str(random.choice(["INT8", "INT16"]))
    nearest = bool(random.integers(2))
    images, channels = int(random.integers(1, 3)), int(random.integers(1, 4))
    sizes, made, scale, offset, border = [int(n) for n in random.integers(1, 7, 2)], [], [], [], []
    for size in sizes:
        up, down = int(random.integers(1, 9)), int(random.integers(1, 9))
        start = int(random.integers(-up, 2 * up))
        spare = ((size - 1) * up - start) % down
        end = -spare if spare < 16 * up and (size - 1) * up - start - spare >= 0 else down - spare
        scale += [up, off(random, down, _WRONG[kind])]
        offset.append(start)
        border.append(end)
        made.append(max(((size - 1) * up - start + end) // down + 1, 1))
    inputs = [graph.operand(kind, values(random, kind, [images, *sizes, channels]), Given.FED)]
    inputs += [graph.operand("SHAPE", np.array(numbers)) for numbers in (scale, offset, border)]
    mode = "ResizeMode.NEAREST" if nearest else "ResizeMode.BILINEAR"
    _sums(graph, "RESIZE", inputs, kind if nearest else _SUMS[kind], [images, *made, channels], (mode,))
    return graph
