"""Graphs that say something else than they should: a network or one clear error, never a traceback."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.importers import import_network
from npusim.importers.onnx.registry import converters
from tests.importers.models import Model, need

NUMBERS = (0, -1, 1, 2, 3, 7, -2, 64, 1 << 20, 1 << 31, -(1 << 40), 1 << 62)


@cache
def various() -> bytes:
    """A model of a little of everything."""
    m = Model(x=(1, 4, 6, 5))
    x = m.add("Conv", "x", m.weights(8, 2, 3, 3), m.weights(8), group=2, pads=[1, 1, 1, 1])
    x = m.add("BatchNormalization", x, *[m.constant(np.ones(8)) for _ in range(4)])
    gate = m.add("Expand", m.add("ReduceMean", x, axes=[2, 3]), m.integers(1, 8, 6, 5))
    x = m.add("Mul", m.add("Clip", x, m.constant(0), m.constant(6)), m.add("Sigmoid", gate))
    a, b = m.add("Split", x, m.integers(3, 5), axis=1, outputs=2)
    a = m.add("Pad", a, m.integers(0, 0, 1, 0, 0, 0, 0, 1), mode="reflect")
    a = m.add("MaxPool", a, kernel_shape=[2, 2], dilations=[2, 1], strides=[1, 1])
    b = m.add("ConvTranspose", b, m.weights(5, 3, 2, 2), strides=[2, 2], output_shape=[12, 10])
    b = m.add("Resize", b, "", "", m.integers(1, 3, 5, 5), mode="linear")
    x = m.add("Concat", a, b, m.weights(1, 1, 5, 5), axis=1)
    x = m.add("Slice", x, m.integers(-1), m.integers(-(2**62)), m.integers(3), m.integers(-1))
    rows = m.add("Transpose", m.add("Reshape", x, m.integers(0, 7, -1)), perm=[0, 2, 1])
    rows = m.add("Gather", m.add("MatMul", rows, m.weights(7, 4)), m.integers(3, 0, 0), axis=1)
    rows = m.add("Add", m.add("Softmax", rows, axis=2), m.weights(1, 3, 4))
    scores = m.add("Gemm", m.add("Flatten", rows), m.weights(12, 2))
    made: bytes = m.proto(scores, m.add("ArgMax", rows, axis=2)).SerializeToString()
    return made


def mutate(proto: Any, random: Random) -> None:
    """Change an operation, an attribute, a connection, a constant, or an input's size."""
    graph = proto.graph
    node = random.choice(graph.node)
    names = [name for each in graph.node for name in (*each.input, *each.output)]
    match random.randrange(7):
        case 0:
            node.op_type = random.choice(list(converters()))
        case 1 if node.attribute:
            attribute = random.choice(node.attribute)
            attribute.i = random.choice(NUMBERS)
            attribute.ints[:] = [random.choice(NUMBERS) for _ in attribute.ints]
        case 2 if node.input:
            node.input[random.randrange(len(node.input))] = random.choice([*names, ""])
        case 3 if node.input:
            del node.input[random.randrange(len(node.input))]
        case 4:
            constant = random.choice(graph.initializer)
            constant.dims[:] = [random.choice(NUMBERS) % (1 << 40) for _ in constant.dims]
        case 5:
            onnx, constant = need("onnx"), random.choice(graph.initializer)
            values = onnx.numpy_helper.to_array(constant)
            flat = values.reshape(-1)
            other = random.choice([flat, flat[:-1], values.T, values.astype(bool)])
            constant.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(other), constant.name))
        case 6:
            dim = random.choice(graph.input[0].type.tensor_type.shape.dim)
            dim.dim_value = random.choice(NUMBERS)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 1 << 32))
@example(0)
def test_mutated_graphs(tmp_path: Path, seed: int) -> None:
    random, proto = Random(seed), need("onnx").ModelProto.FromString(various())
    for _ in range(random.randrange(4) if seed else 0):
        mutate(proto, random)
    path = tmp_path / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    try:
        network = import_network(path)
    except InputError as error:
        assert seed
        assert error.file == str(path)
        return
    assert network.outputs
