"""TOSA files: what is read, and that damaged ones are refused with a message."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import npusim
from npusim.errors import InputError
from npusim.importers import import_model
from npusim.importers.tosa import NotConstantError, UnsupportedError, import_tosa
from npusim.importers.tosa.reader import decode, read_content, read_tosa
from npusim.program import Program
from tests.importers.tosa_models import File, small

CONTENT = small().content()


def imported(tmp_path: Path, file: File, **options: object) -> Program:
    path = tmp_path / "graph.tosa"
    path.write_bytes(file.content())
    return import_tosa(path, **options)  # type: ignore[arg-type]


def by_hand(x: np.ndarray) -> np.ndarray:
    """What `small` computes, from the specification's formulas."""
    weights = np.arange(-8, 8).reshape(2, 2, 2, 2) + 1
    made = np.zeros((1, 2, 2), np.int64)
    for column in range(2):
        window = x[1:3, column : column + 2].astype(np.int64) - 3
        for channel, (bias, factor, shift) in enumerate(((100, 1 << 30, 32), (-7, 3 << 29, 34))):
            value = int((window * weights[channel]).sum()) + bias
            correction = Fraction(2**30 if value >= 0 else -(2**30), 2**shift)
            rescaled = floor(Fraction(value * factor, 2**shift) + correction + Fraction(1, 2)) - 128
            made[0, column, channel] = min(max(rescaled, -128), 127)
    return made


def test_a_small_graph_computes_what_the_specification_says(tmp_path: Path) -> None:
    path = tmp_path / "small.tosa"
    path.write_bytes(CONTENT)
    program = import_model(path)
    assert isinstance(program, Program)
    assert program.name == "small"
    assert program.datapath.name == "tosa_operators"
    assert [(x.name, x.shape, str(x.dtype)) for x in program.inputs] == [("x", (3, 3, 2), "int8")]
    assert [y.shape for y in program.outputs] == [(1, 2, 2)]
    batch = np.random.default_rng(0).integers(-128, 128, (20, 3, 3, 2)).astype(np.int8)
    (made,) = npusim.simulate(program, batch).outputs.values()
    assert made.tolist() == [by_hand(x).tolist() for x in batch]


def test_constants_are_read_as_they_lie() -> None:
    graph = read_content(CONTENT)
    assert graph.inputs == ("x",)
    assert graph.tensors["x"].data is None
    assert graph.tensors["b"].data.tolist() == [100, -7]  # type: ignore[union-attr]
    assert graph.tensors["start"].data.tolist() == [0, 1, 0, 0]  # type: ignore[union-attr]
    assert graph.tensors["start"].kind == "SHAPE"
    assert [operator.op for operator in graph.operators if operator.attributes] == ["CONV2D", "RESCALE"]


@given(st.sampled_from(["BOOL", "INT8", "INT16", "INT32", "INT48", "SHAPE"]), st.data())
def test_every_type_is_decoded(kind: str, data: st.DataObject) -> None:
    bits = {"BOOL": 1, "INT8": 8, "INT16": 16, "INT32": 32, "INT48": 48, "SHAPE": 64}[kind]
    low, high = (0, 1) if kind == "BOOL" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    values = data.draw(st.lists(st.integers(low, high), max_size=5))
    size = max(bits // 8, 1)
    content = b"".join(value.to_bytes(size, "little", signed=kind != "BOOL") for value in values)
    assert decode(content, kind).tolist() == values


@given(st.lists(st.integers(-8, 7), max_size=6).filter(lambda values: len(values) % 2 == 0))
def test_nibbles_are_decoded(values: list[int]) -> None:
    pairs = zip(values[::2], values[1::2], strict=True)
    assert decode(bytes((a & 15) | (b & 15) << 4 for a, b in pairs), "INT4").tolist() == values


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(CONTENT) - 1))
def test_truncated_files_are_refused(length: int) -> None:
    with pytest.raises(InputError):
        read_content(CONTENT[:length])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(CONTENT) - 1), st.integers(0, 255) | st.sampled_from([0, 1, 127, 128, 255])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_mutated_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(CONTENT)
    for place, value in changes:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "mutated.tosa"
    path.write_bytes(content)
    try:
        program = import_tosa(path)
    except InputError as error:
        assert error.file == str(path)
        return
    values = {x.name: np.zeros((1, *x.shape), np.int64) for x in program.inputs}
    if sum(value.size for value in values.values()) < 1000:
        npusim.simulate(program, values, threads=1)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_tosa(tmp_path / "nothing.tosa")
    with pytest.raises(InputError, match="not a TOSA file; found b'TFL3'"):
        read_content(b"\0\0\0\0TFL3")
    with pytest.raises(InputError, match="the version is not supported; found 2"):
        read_content(File(version=2, outputs=["x"]).content())
    with pytest.raises(UnsupportedError, match="control flow is not supported"):
        read_content(File(regions=2, outputs=["x"]).content())
    path = tmp_path / "small.tosa"
    path.write_bytes(CONTENT)
    with pytest.raises(InputError, match="TOSA graphs have no scales"):
        import_model(path, mean=127.5)


def test_what_only_the_importer_does_not_know(tmp_path: Path) -> None:
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "INT32", (2,))
    file.tensor("y", "INT32", (2,))
    file.apply("ABS", ["x"], "y")
    with pytest.raises(
        UnsupportedError, match=r"operator 0 \(ABS\): the operation is not supported; allowed: ADD"
    ):
        imported(tmp_path, file)
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "FP32", (2,))
    file.tensor("y", "FP32", (2,))
    file.apply("ADD", ["x", "x"], "y")
    with pytest.raises(UnsupportedError, match="not a type of the integer profile; found 'FP32'"):
        imported(tmp_path, file)


def test_weights_that_the_graph_leaves_to_its_caller(tmp_path: Path) -> None:
    file = small()
    file.inputs.append("w")
    values = np.arange(-8, 8).reshape(2, 2, 2, 2)
    file.tensors[1] = ("w", "INT8", (2, 2, 2, 2), b"")
    file.operators.remove(("CONST", (), ("w",), {}))
    with pytest.raises(
        NotConstantError, match="must be stored in the program, but is computed or fed; found 'w'"
    ):
        imported(tmp_path, file)
    program = imported(tmp_path, file, bound={"w": values})
    assert program.input_names == ("x",)
    x = np.random.default_rng(1).integers(-128, 128, (1, 3, 3, 2))
    (made,) = npusim.simulate(program, x).outputs.values()
    assert made[0].tolist() == by_hand(x[0]).tolist()
    for bound, message in (
        ({"w": values[:1]}, "does not fit the input"),
        ({"w": values + 200}, "out of range; found 192"),
        ({"w": values * 0.5}, "does not fit the input"),
        ({"v": values}, "no such input to bind; found 'v'; allowed: x, w"),
    ):
        with pytest.raises(InputError, match=message):
            imported(tmp_path, file, bound=bound)


def test_codes_that_are_read_as_unsigned(tmp_path: Path) -> None:
    file = File(inputs=["x"], outputs=["y", "z"])
    file.tensor("x", "INT8", (4,))
    file.tensor("m", "INT32", (1,), [1 << 30])
    file.tensor("s", "INT8", (1,), [30])
    file.tensor("zero", "INT8", (1,), [-128])
    file.tensor("none", "INT8", (1,), [0])
    file.tensor("y", "INT8", (4,))
    file.tensor("z", "INT8", (4,))
    modes = {"scale32": True, "rounding_mode": 1}
    file.apply("RESCALE", ["x", "m", "s", "zero", "none"], "y", **modes, input_unsigned=True)
    file.apply("RESCALE", ["y", "m", "s", "none", "zero"], "z", **modes, output_unsigned=True)
    program = imported(tmp_path, file)
    (x,) = program.inputs
    assert x.dtype == np.uint8
    made = npusim.simulate(program, np.array([[0, 127, 128, 255]], np.uint8)).outputs
    assert made["y"].tolist() == [[-128, -1, 0, 127]]
    assert made["z"].tolist() == [[0, 127, 128, 255]]
    assert made["z"].dtype == np.uint8


def test_unsigned_codes_that_are_read_as_signed_too(tmp_path: Path) -> None:
    file = File(inputs=["x"], outputs=["y", "z"])
    file.tensor("x", "INT8", (3,))
    file.tensor("m", "INT32", (1,), [1 << 30])
    file.tensor("s", "INT8", (1,), [30])
    file.tensor("none", "INT8", (1,), [0])
    file.tensor("y", "INT16", (3,))
    file.tensor("wide", "INT16", (1,), [0])
    file.tensor("z", "INT8", (3,))
    modes = {"scale32": True, "rounding_mode": 1}
    file.apply("RESCALE", ["x", "m", "s", "none", "wide"], "y", **modes, input_unsigned=True)
    file.apply("CLAMP", ["x"], "z", min_val=bytes([251]), max_val=bytes([5]))
    made = npusim.simulate(imported(tmp_path, file), np.array([[-1, 3, 100]], np.int8)).outputs
    assert made["y"].tolist() == [[255, 3, 100]]
    assert made["z"].tolist() == [[-1, 3, 5]]


def test_a_graph_of_constants_makes_one_image(tmp_path: Path) -> None:
    file = File(outputs=["y", "a"])
    file.tensor("a", "INT48", (2,), [2**47 - 1, -5])
    file.tensor("y", "INT48", (2,))
    file.apply("IDENTITY", ["a"], "y")
    made = npusim.simulate(imported(tmp_path, file), {}).outputs
    assert [values.tolist() for values in made.values()] == [[[2**47 - 1, -5]]]


def pool_of(shape: tuple[int, ...]) -> File:
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "INT8", shape)
    file.tensor("y", "INT8", shape)
    file.apply("MAX_POOL2D", ["x"], "y", kernel=(1, 1), stride=(1, 1), pad=(0, 0, 0, 0))
    return file


def tile_of(count: int) -> File:
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "INT8", (1,))
    file.shape("count", (count,))
    file.tensor("y", "INT8", (1,))
    file.apply("TILE", ["x", "count"], "y")
    return file


def phases_of(stride: int) -> File:
    file = File(inputs=["x"], outputs=["y"])
    file.tensor("x", "INT8", (1, 2, 2, 1))
    file.tensor("w", "INT8", (1, 1, 1, 1), [1])
    file.tensor("b", "INT32", (1,), [1])
    file.tensor("z", "INT8", (1,), [0])
    size = stride + 1
    file.tensor("y", "INT32", (1, size, size, 1))
    attributes = {"stride": (stride, stride), "out_pad": (0, 0, 0, 0), "acc_type": 5}
    file.apply("TRANSPOSE_CONV2D", ["x", "w", "b", "z", "z"], "y", **attributes)
    return file


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (pool_of((1 << 20, 1, 1, 1)), "too many images; found 1048576"),
        (pool_of((1, 1 << 20, 1 << 20, 1)), "not a shape"),
        (tile_of(1 << 40), "too many copies"),
        (phases_of(16000), "too many phases; found 256000000"),
    ],
)
def test_small_files_that_ask_for_much_are_refused_at_once(tmp_path: Path, file: File, message: str) -> None:
    with pytest.raises(InputError, match=message):
        imported(tmp_path, file)
