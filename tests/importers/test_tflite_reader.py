"""Damaged, hostile and unsupported TFLite files: one clear error, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import npusim
from npusim.errors import InputError
from npusim.importers import import_model
from npusim.importers.tflite.importer import import_tflite
from npusim.program import Program, load_program
from tests.importers.models import need
from tests.importers.tflite_models import TfliteModel, assert_exact

SCALED = ("INT8", 0.1, 3)


def small() -> tuple[TfliteModel, int]:
    """A convolution, a pool and a reshape."""
    model, rng = TfliteModel(), np.random.default_rng(1)
    x = model.input((1, 6, 5, 3), *SCALED)
    w = model.constant(rng.integers(-9, 9, (4, 3, 3, 3)), "INT8", [0.01, 0.02, 0.03, 0.04])
    b = model.constant(rng.integers(-9, 9, 4), "INT32", [0.001, 0.002, 0.003, 0.004])
    y = model.tensor((1, 6, 5, 4), *SCALED)
    model.add("CONV_2D", [x, w, b], [y], "Conv2DOptions", padding=0, strideH=1, strideW=1)
    pooled = model.tensor((1, 3, 2, 4), *SCALED)
    window = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    model.add("MAX_POOL_2D", [y], [pooled], "Pool2DOptions", padding=1, **window)
    flat = model.tensor((1, 24), *SCALED)
    model.add("RESHAPE", [pooled, model.constant([1, 24], "INT32")], [flat], "ReshapeOptions")
    return model, flat


def complaint(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        import_model(path)
    assert caught.value.file == str(path)
    return str(caught.value)


def test_no_file_and_no_model(tmp_path: Path) -> None:
    assert "no such file" in complaint(tmp_path / "none.tflite")
    path = tmp_path / "model.tflite"
    for content in (b"", b"# a text\n", bytes(1000), b"\x1c\0\0\0TFL2" + bytes(100)):
        path.write_bytes(content)
        assert "not a TFLite file" in complaint(path)
    other = tmp_path / "model.pb"
    other.write_bytes(b"")
    assert "allowed: .onnx, .tflite, .tosa" in complaint(other)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_files(tmp_path: Path, data: st.DataObject) -> None:
    model, y = small()
    content = bytearray(model.content(y))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    try:
        program = import_model(path)
    except InputError:
        return
    assert isinstance(program, Program)  # the damage hit a weight or a name


def test_saved_and_loaded_again(tmp_path: Path) -> None:
    model, y = small()
    program = assert_exact(model, tmp_path, y).program
    program.save(tmp_path / "p.yaml")
    again = load_program(tmp_path / "p.yaml")
    x = np.random.default_rng(0).integers(-128, 128, (3, 6, 5, 3)).astype(np.int8)
    made = [npusim.simulate(p, x).outputs[program.output_names[0]] for p in (program, again)]
    np.testing.assert_array_equal(*made)
    assert program.inputs[0].scale == np.float32(0.1)
    assert program.inputs[0].zero_point == 3
    assert program.macs == 6 * 5 * 4 * 27


def test_bytes_become_codes(tmp_path: Path) -> None:
    model, y = small()
    program = import_model(model.save(tmp_path, y), mean=100.0, std=8.0)
    assert isinstance(program, Program)
    (table,) = program.real.byte_tables.values()
    reals = (np.arange(256) - 100.0) / 8.0 / float(np.float32(0.1))
    wanted = np.clip(np.rint(reals) + 3, -128, 127)
    np.testing.assert_array_equal(table, np.broadcast_to(wanted, (3, 256)))


def test_floats_at_both_ends_are_the_hosts(tmp_path: Path) -> None:
    model, rng = TfliteModel(), np.random.default_rng(2)
    given_ = model.input((1, 4), "FLOAT32")
    x = model.tensor((1, 4), *SCALED)
    model.add("QUANTIZE", [given_], [x], "QuantizeOptions")
    w = model.constant(rng.integers(-9, 9, (2, 4)), "INT8", 0.02)
    y = model.tensor((1, 2), "INT8", 0.05, -7)
    model.add("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    real, squared = model.tensor((1, 2), "FLOAT32"), model.tensor((1, 2), "FLOAT32")
    model.add("DEQUANTIZE", [y], [real], "DequantizeOptions")
    model.add("SQUARE", [real], [squared], "SquareOptions")
    program = import_tflite(model.save(tmp_path, squared)).program
    assert [(t.shape, t.zero_point) for t in (*program.inputs, *program.outputs)] == [((4,), 3), ((2,), -7)]
    assert "1 DEQUANTIZE, 1 QUANTIZE, 1 SQUARE" in program.notes[0]
    answer = npusim.simulate(program, np.array([[0.5, -1.0, 2.0, 3.0]]))
    assert answer.dequantized[program.output_names[0]].shape == (1, 2)


def test_shapes_are_computed_when_imported(tmp_path: Path) -> None:
    model = TfliteModel()
    x = model.input((1, 4, 6), *SCALED)
    shape, batch, made = model.tensor((3,), "INT32"), model.tensor((), "INT32"), model.tensor((2,), "INT32")
    model.add("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    ends = [model.constant([n], "INT32") for n in (0, 1, 1)]
    model.add("STRIDED_SLICE", [shape, *ends], [batch], "StridedSliceOptions", shrinkAxisMask=1)
    model.add("PACK", [batch, model.constant(24, "INT32")], [made], "PackOptions", valuesCount=2)
    y = model.tensor((1, 24), *SCALED)
    model.add("RESHAPE", [x, made], [y], "ReshapeOptions")
    assert [step.kind for step in assert_exact(model, tmp_path, y).program.steps] == ["reshape"]


def test_detections_are_the_hosts(tmp_path: Path) -> None:
    model = TfliteModel()
    x = model.input((1, 8, 4), *SCALED)
    y, boxes = model.tensor((1, 4, 8), *SCALED), model.tensor((1, 4), "FLOAT32")
    model.add("TRANSPOSE", [x, model.constant([0, 2, 1], "INT32")], [y], "TransposeOptions")
    model.add("CUSTOM", [y], [boxes])
    program = import_tflite(model.save(tmp_path, boxes)).program
    assert [output.shape for output in program.outputs] == [(4, 8)]
    assert "1 CUSTOM" in program.notes[0]


def test_codes_made_of_floats_are_the_hosts(tmp_path: Path) -> None:
    model = TfliteModel()
    x = model.input((1, 8), *SCALED)
    y, real, root = (
        model.tensor((1, 8), *SCALED),
        model.tensor((1, 8), "FLOAT32"),
        model.tensor((1, 8), "FLOAT32"),
    )
    again, last = model.tensor((1, 8), *SCALED), model.tensor((1, 8), *SCALED)
    model.add("RELU", [x], [y])
    model.add("DEQUANTIZE", [y], [real], "DequantizeOptions")
    model.add("SQRT", [real], [root])
    model.add("QUANTIZE", [root], [again], "QuantizeOptions")
    model.add("ADD", [again, y], [last], "AddOptions")
    program = import_tflite(model.save(tmp_path, last)).program
    assert [step.kind for step in program.steps] == ["concat"]
    assert program.output_names == (program.steps[0].output,)
    assert "1 ADD, 1 DEQUANTIZE, 1 QUANTIZE, 1 SQRT" in program.notes[0]


def changed(what: str) -> tuple[TfliteModel, int]:
    model, y = small()
    graph: Any = model.graph
    match what:
        case "float":
            model = TfliteModel()
            x, y = model.input((1, 4), "FLOAT32"), model.tensor((1, 4), "FLOAT32")
            model.add("RELU", [x], [y])
        case "operator":
            model.model.operatorCodes[1].builtinCode = model.schema.BuiltinOperator.L2_POOL_2D
            model.model.operatorCodes[1].deprecatedBuiltinCode = model.schema.BuiltinOperator.L2_POOL_2D
        case "shape":
            graph.tensors[3].shape = [1, 6, 6, 4]
        case "weights":
            graph.tensors[1].shape = [4, 3, 9, 1]
        case "scales":
            graph.tensors[1].quantization.scale = [0.1, 0.1]
            graph.tensors[1].quantization.zeroPoint = [0, 0]
        case "zero scale":
            graph.tensors[3].quantization.scale = [0.0]
        case "not finite":
            graph.tensors[3].quantization.scale = [float("nan")]
        case "order":
            graph.operators = graph.operators[::-1]
        case "twice":
            graph.operators.append(graph.operators[0])
        case "tensor":
            graph.operators[0].inputs = [0, 99, 2]
        case "activation":
            graph.operators[0].builtinOptions.fusedActivationFunction = 5
        case "stride":
            graph.operators[0].builtinOptions.strideH = 0
        case "bytes":
            model.model.buffers[1].data = model.model.buffers[1].data[:-1]
        case "version":
            model.model.version = 2
    return model, y


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("float", "the model has no integer tensors"),
        ("operator", "operator 1 (L2_POOL_2D): the operation is not supported"),
        ("shape", "operator 0 (CONV_2D): the file gives the output another shape"),
        ("weights", "operator 0 (CONV_2D): weights: weights do not fit the input"),
        ("scales", "operator 0 (CONV_2D): scales along another axis than the outputs"),
        ("zero scale", "operator 0 (CONV_2D): an output's scale must be positive"),
        ("not finite", "scales must be finite"),
        ("order", "nothing makes this tensor before it is read"),
        ("twice", "an output does not exist or is made twice"),
        ("tensor", "operator 0 (CONV_2D): no such tensor; found 99"),
        ("activation", "operator 0 (CONV_2D): the fused activation function is not supported; found 5"),
        ("stride", "operator 0 (CONV_2D): StrideH must be positive"),
        ("bytes", "bytes and shape do not fit"),
        ("version", "the schema's version is not supported; found 2"),
    ],
)
def test_what_is_wrong_is_said(what: str, told: str, tmp_path: Path) -> None:
    model, y = changed(what)
    path = model.save(tmp_path, y)
    text = complaint(path)
    assert told in text


def streaming() -> tuple[TfliteModel, int]:
    """The last four columns, three of them kept from before, through a convolution."""
    model, rng = TfliteModel(), np.random.default_rng(3)
    x = model.input((1, 1, 5), *SCALED)
    handle = model.variable("past", np.full((1, 3, 5), 3), "INT8")
    past = model.tensor((1, 3, 5), *SCALED)
    model.add("READ_VARIABLE", [handle], [past], "ReadVariableOptions")
    whole = model.tensor((1, 4, 5), *SCALED)
    model.add("CONCATENATION", [past, x], [whole], "ConcatenationOptions", axis=1)
    kept = model.tensor((1, 3, 5), *SCALED)
    cuts = [model.constant(each, "INT32") for each in ([0, 1, 0], [1, 4, 5], [1, 1, 1])]
    model.add("STRIDED_SLICE", [whole, *cuts], [kept], "StridedSliceOptions")
    model.add("ASSIGN_VARIABLE", [handle, kept], [], "AssignVariableOptions")
    flat, y = model.tensor((1, 20), *SCALED), model.tensor((1, 6), "INT8", 0.4, -5)
    model.add("RESHAPE", [whole, model.constant([1, 20], "INT32")], [flat], "ReshapeOptions")
    w = model.constant(rng.integers(-99, 99, (6, 20)), "INT8", 0.02)
    model.add("FULLY_CONNECTED", [flat, w, -1], [y], "FullyConnectedOptions")
    return model, y


def test_variables_are_fed_back(tmp_path: Path) -> None:
    model, y = streaming()
    path = model.save(tmp_path, y)
    program = import_tflite(path).program
    assert [x.shape for x in program.inputs] == [(1, 5), (3, 5)]
    assert [x.shape for x in program.outputs] == [(6,), (3, 5)]
    (note,) = program.notes
    (now, state), (made, kept) = program.input_names, program.output_names
    assert note == f"variable past: feed {kept} back as {state}; it starts as code 3"
    reference = need("tools.litert").Reference(path.read_bytes())
    rng, past = np.random.default_rng(0), np.full((1, 3, 5), 3, np.int8)
    for _ in range(6):
        x = rng.integers(-128, 128, (1, 1, 5)).astype(np.int8)
        reference.run([x])
        outputs = npusim.simulate(program, {now: x, state: past}).outputs
        np.testing.assert_array_equal(outputs[made], reference.tensor(y))
        past = outputs[kept]
    assert outputs[made].std() > 0


def test_a_variable_without_a_handle(tmp_path: Path) -> None:
    model = TfliteModel()
    x, y = model.input((1, 4), *SCALED), model.tensor((1, 4), *SCALED)
    model.add("READ_VARIABLE", [x], [y], "ReadVariableOptions")
    assert "no handle of a variable" in complaint(model.save(tmp_path, y))


def test_models_with_integer_weights_only(tmp_path: Path) -> None:
    model = TfliteModel()
    x, y = model.input((1, 4), "FLOAT32"), model.tensor((1, 3), "FLOAT32")
    w = model.constant(np.ones((3, 4)), "INT8", 0.1)
    model.add("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    assert "only the weights of the model are integers" in complaint(model.save(tmp_path, y))
