"""Imported TOSA graphs against Arm's reference model: the same bits, and the same graphs refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

import npusim
from npusim.errors import InputError
from npusim.importers.tosa import NotConstantError, UnsupportedError, import_tosa
from npusim.importers.tosa.registry import converters
from tests.oracles.tosa import Status
from tests.oracles.tosa_graph_cases import (
    Array,
    Case,
    argmax,
    binary,
    clamp,
    concat,
    pad,
    rescale,
    reshape,
    slice_,
    table,
    tile,
    transpose,
    values,
)
from tests.oracles.tosa_graphs import Answer, Given, GraphBuilder, run_graphs
from tests.oracles.tosa_image_cases import convolution, matmul, pool, resize

CASES: dict[str, Case] = {
    **{op: binary(op) for op in ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "ARITHMETIC_RIGHT_SHIFT")},
    **{op: convolution(op) for op in ("CONV2D", "DEPTHWISE_CONV2D", "TRANSPOSE_CONV2D")},
    **{op: pool(op) for op in ("AVG_POOL2D", "MAX_POOL2D")},
    "ARGMAX": argmax,
    "CLAMP": clamp,
    "CONCAT": concat,
    "MATMUL": matmul,
    "PAD": pad,
    "RESCALE": rescale,
    "RESHAPE": reshape,
    "RESIZE": resize,
    "SLICE": slice_,
    "TABLE": table,
    "TILE": tile,
    "TRANSPOSE": transpose,
}
EACH = 10


def outcome(graph: GraphBuilder, answer: Answer, path: Path) -> Status:
    """What the importer says of a graph; where it is valid, the simulator's bits are the model's."""
    path.write_bytes(answer.content)
    fed = {operand["name"]: operand["values"] for operand in graph.operands if not operand["constant"]}
    bound: dict[str, Array] = {}
    while True:
        try:
            program = import_tosa(path, bound=bound)
            break
        except NotConstantError as error:
            bound[str(error.found)] = fed[str(error.found)]
        except UnsupportedError:
            raise
        except InputError:
            return Status.ERROR
    inputs = {}
    for x in program.inputs:
        kind = program.tensors[x.name]
        codes = fed[x.name] if kind.signed else fed[x.name] % (1 << kind.bits)
        inputs[x.name] = codes.reshape(1, *x.shape)
    (made,) = npusim.simulate(program, inputs, threads=1).outputs.values()
    if answer.output is not None:
        expected = np.asarray(answer.output)
        # Files and the model have signed types for unsigned codes.
        found = made.astype(expected.dtype).reshape(expected.shape)
        np.testing.assert_array_equal(found, expected, err_msg=str(graph.operators))
    return Status.VALID


def test_every_operation_agrees_with_the_reference_model(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    graphs = [(op, case(random)) for op, case in CASES.items() for _ in range(EACH)]
    answers = run_graphs([graph for _, graph in graphs])
    valid: Counter[str] = Counter()
    for (op, graph), answer in zip(graphs, answers, strict=True):
        found = outcome(graph, answer, tmp_path / "graph.tosa")
        if answer.status is not Status.UNPREDICTABLE:
            assert found is answer.status, (op, graph.operands, graph.operators)
        valid[op] += answer.status is Status.VALID
    assert min(valid[op] for op in CASES) >= EACH // 3
    refused = sum(answer.status is Status.ERROR for answer in answers)
    assert refused >= len(graphs) // 20


def test_no_operation_is_left_out() -> None:
    assert set(converters()) == {*CASES, "IDENTITY"}


def network(random: np.random.Generator) -> tuple[GraphBuilder, tuple[int, ...]]:
    """A convolution, a depthwise one, a pool and a matrix product, with what is between them."""
    graph = GraphBuilder()

    def rescaled(x: str, shape: tuple[int, ...], shift: int, kind: str = "INT32") -> str:
        channels = shape[-1]
        operands = [
            graph.operand("INT32", random.integers(2**30, 2**31, channels)),
            graph.operand("INT8", random.integers(shift, shift + 3, channels)),
            graph.operand(kind, [0]),
            graph.operand("INT8", [-5]),
        ]
        arguments = (True, "RoundingMode.DOUBLE_ROUND", True, False, False)
        return graph.apply("RESCALE", [x, *operands], "INT8", shape, arguments)

    x = graph.operand("INT8", values(random, "INT8", (1, 9, 9, 3)), Given.FED)
    zeros = [graph.operand("INT8", [value]) for value in (-3, 0)]
    weights = graph.operand("INT8", values(random, "INT8", (8, 3, 3, 3)))
    bias = graph.operand("INT32", random.integers(-5000, 5000, 8))
    window = ([1, 1, 1, 1], [2, 2], [1, 1], False, "DType.INT32")
    sums = graph.apply("CONV2D", [x, weights, bias, *zeros], "INT32", (1, 5, 5, 8), window)
    codes = rescaled(sums, (1, 5, 5, 8), 38)
    lookup = graph.operand("INT8", values(random, "INT8", (256,)))
    codes = graph.apply("TABLE", [codes, lookup], "INT8", (1, 5, 5, 8))
    weights = graph.operand("INT4", values(random, "INT4", (3, 3, 8, 1)))
    zeros = [graph.operand("INT8", [-5]), graph.operand("INT4", [0])]
    window = ([0, 0, 0, 0], [1, 1], [1, 1], False, "DType.INT32")
    sums = graph.apply("DEPTHWISE_CONV2D", [codes, weights, bias, *zeros], "INT32", (1, 3, 3, 8), window)
    codes = rescaled(sums, (1, 3, 3, 8), 36)
    zeros = [graph.operand("INT8", [-5]), graph.operand("INT8", [7])]
    window = ([3, 3], [1, 1], [0, 0, 0, 0], "DType.INT32")
    codes = graph.apply("AVG_POOL2D", [codes, *zeros], "INT8", (1, 1, 1, 8), window)
    row = graph.apply("RESHAPE", [codes, graph.operand("SHAPE", [1, 1, 8])], "INT8", (1, 1, 8))
    matrix = graph.operand("INT8", values(random, "INT8", (1, 8, 10)))
    zeros = [graph.operand("INT8", [7]), graph.operand("INT8", [1])]
    graph.apply("MATMUL", [row, matrix, *zeros], "INT32", (1, 1, 10))
    return graph, (9, 9, 3)


def test_a_network_and_its_batch(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    graph, shape = network(random)
    (answer,) = run_graphs([graph])
    assert answer.output is not None
    path = tmp_path / "network.tosa"
    path.write_bytes(answer.content)
    program = import_tosa(path)
    assert [x.shape for x in (*program.inputs, *program.outputs)] == [shape, (1, 10)]
    program.save(tmp_path / "network.yaml")
    (x,) = graph.fed()
    batch = np.concatenate([values(random, "INT8", (3, *shape)), x]).astype(np.int8)
    (made,) = npusim.simulate(npusim.load_program(tmp_path / "network.yaml"), batch).outputs.values()
    np.testing.assert_array_equal(made[3:], answer.output)
