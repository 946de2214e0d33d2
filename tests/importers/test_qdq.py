"""Quantized ONNX models: what is read, what is left to the host, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.errors import InputError
from npusim.importers import import_model
from npusim.importers.qdq.importer import import_onnx_integers
from npusim.program import Program, load_program
from tests.importers.models import need
from tests.importers.qdq_models import QdqModel

NOT_FUSED = "computed in integers, where ONNX Runtime on x86-64 computes in float: "


def written(model: QdqModel, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.proto().SerializeToString())
    return path


def imported(model: QdqModel, folder: Path) -> Program:
    program = import_model(written(model, folder))
    assert isinstance(program, Program)
    return program


def convolution(model: QdqModel, x: str, *, bias_scale: float = 0.0005) -> str:
    codes = np.arange(-27, 27).reshape(2, 3, 3, 3).astype(np.int8)
    inputs = [x, model.weights(codes, 0.01), model.weights(np.array([5, -7], np.int32), bias_scale)]
    return model.op("Conv", inputs, kernel_shape=[3, 3])


def test_a_program_that_comes_back(tmp_path: Path) -> None:
    model = QdqModel()
    y = model.op("Relu", [convolution(model, model.input((1, 3, 6, 5)))])
    model.output(model.quantized(y, 0.1, 0))
    program = imported(model, tmp_path)
    assert [step.kind for step in program.steps] == ["mac"]
    assert program.inputs[0].shape == (6, 5, 3)
    assert (program.inputs[0].scale, program.inputs[0].zero_point) == (float(np.float32(0.05)), 3)
    program.save(tmp_path / "p.yaml")
    images = np.random.default_rng(0).normal(size=(3, 6, 5, 3))
    first, again = (npusim.simulate(p, images) for p in (program, load_program(tmp_path / "p.yaml")))
    (name,) = first.outputs
    np.testing.assert_array_equal(first.outputs[name], again.outputs[name])
    assert first.outputs[name].std() > 0


def test_bytes_go_through_mean_and_std(tmp_path: Path) -> None:
    model = QdqModel(np.int8)
    x = model.input((1, 3, 6, 5), 0.0079, 1)
    model.output(model.quantized(convolution(model, x, bias_scale=0.000079), 0.1))
    program = import_model(written(model, tmp_path), mean=127.5, std=127.5)
    assert isinstance(program, Program)
    images = np.arange(90, dtype=np.uint8).reshape(1, 6, 5, 3)
    bytes_made = npusim.simulate(program, images).outputs
    reals_made = npusim.simulate(program, (images - 127.5) / 127.5).outputs
    (name,) = bytes_made
    np.testing.assert_array_equal(bytes_made[name], reals_made[name])


def test_bytes_that_are_codes_are_noted(tmp_path: Path) -> None:
    for scale, zero, notes in ((0.0079, 128, 1), (1.0, 0, 0)):
        model = QdqModel()
        model.output(model.quantized(model.op("LeakyRelu", [model.input((1, 3, 6, 5), scale, zero)])))
        program = import_model(written(model, tmp_path), mean=0.0 if zero == 0 else 127.5)
        assert len(program.notes) == notes


def test_a_softmax_at_the_end_is_the_hosts(tmp_path: Path) -> None:
    model = QdqModel()
    x = model.input((1, 12))
    y = model.op("MatMul", [x, model.weights(np.eye(12, 4, dtype=np.int8))])
    z = model.op("Softmax", [model.quantized(y, 0.2, 7)], axis=-1)
    model.output(model.quantized(z, 1 / 256, 0))
    program = imported(model, tmp_path)
    assert [(y.shape, y.zero_point) for y in program.outputs] == [((4,), 7)]
    assert "Softmax" in program.notes[0]


def test_floats_at_the_end_are_the_hosts(tmp_path: Path) -> None:
    model = QdqModel()
    y = model.op("LeakyRelu", [model.input((1, 12))], alpha=0.1)
    z = model.op("Exp", [model.quantized(y)])
    model.output(model.op("Div", [z, model.constant(3.0, np.float32)]))
    program = imported(model, tmp_path)
    assert [step.kind for step in program.steps] == ["table"]
    assert program.notes == ("left to the host, being or following operations in float: 1 Div, 1 Exp",)


def test_a_clipping_inside_the_codes_is_noted(tmp_path: Path) -> None:
    model = QdqModel()
    y = model.op("Relu", [convolution(model, model.input((1, 3, 6, 5)))])
    model.output(model.quantized(y, 0.1, 40))
    program = imported(model, tmp_path)
    (step,) = program.steps
    assert step.fields["low"] == 40
    assert program.notes == (NOT_FUSED + "conv_14",)


def test_int8_constants_are_noted(tmp_path: Path) -> None:
    model = QdqModel(np.int8)
    y = model.op("Add", [model.input((1, 4)), model.weights(np.arange(4, dtype=np.int8))])
    model.output(model.quantized(y))
    assert imported(model, tmp_path).notes == (NOT_FUSED + "add_10",)


def test_int8_tensors_that_are_read_twice_are_noted(tmp_path: Path) -> None:
    model = QdqModel(np.int8)
    x = model.input((1, 4))
    y = model.quantized(model.op("Add", [x, model.input((1, 4))]))
    model.output(model.quantized(model.op("Add", [x, y])))
    (note,) = imported(model, tmp_path).notes
    assert "runs int8 as uint8" in note


def test_results_quantized_twice_are_noted(tmp_path: Path) -> None:
    model = QdqModel()
    y = model.op("Mul", [model.input((1, 4)), model.input((1, 4))])
    model.output(model.quantized(y), model.quantized(y, 0.1))
    program = imported(model, tmp_path)
    assert program.notes == (NOT_FUSED + "mul_11, mul_11",)
    assert len(program.outputs) == 2


def test_codes_of_codes(tmp_path: Path) -> None:
    """Against ONNX Runtime as the model stands: it would merge both pairs if it optimized."""
    onnxruntime = need("onnxruntime")
    model = QdqModel()
    model.output(model.quantized(model.input((1, 256), 0.05, 3), 0.17, 90))
    path = written(model, tmp_path)
    found = import_onnx_integers(path)
    codes = np.arange(256).reshape(1, 256)
    (name,) = found.program.output_names
    made = npusim.simulate(found.program, codes.astype(np.uint8)).outputs[name]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (x,) = session.get_inputs()
    (reals,) = session.run(None, {x.name: ((codes - 3) * np.float32(0.05)).astype(np.float32)})
    np.testing.assert_array_equal(((made.astype(np.int64) - 90) * np.float32(0.17)).astype(np.float32), reals)


def _dynamic(model: QdqModel) -> None:
    model.output(*model.node("DynamicQuantizeLinear", [model.input((1, 4))], outputs=3))


def _wide(model: QdqModel) -> None:
    model.dtype = np.dtype(np.uint16)
    model.output(model.quantized(model.op("LeakyRelu", [model.input((1, 4))])))


def _float_between(model: QdqModel) -> None:
    y = model.op("Exp", [model.input((1, 4))])
    model.output(model.quantized(model.op("Add", [y, model.input((1, 4))])))


def _unknown(model: QdqModel) -> None:
    model.output(model.quantized(model.op("Exp", [model.input((1, 4))])))


def _float_constant(model: QdqModel) -> None:
    x = model.input((1, 4))
    model.output(model.quantized(model.op("Add", [x, model.constant([1, 2, 3, 4], np.float32)])))


def _float_weights(model: QdqModel) -> None:
    x = model.input((1, 4))
    model.output(model.quantized(model.op("MatMul", [x, model.constant(np.eye(4), np.float32)])))


def _bias(model: QdqModel) -> None:
    model.output(model.quantized(convolution(model, model.input((1, 3, 6, 5)), bias_scale=0.1)))


def _two_types(model: QdqModel) -> None:
    x, y = model.input((1, 4)), model.input((1, 4))
    model.dtype = np.dtype(np.int8)
    model.output(model.quantized(model.op("Add", [x, y]), 0.1, 0))


def _negative_scale(model: QdqModel) -> None:
    model.output(model.quantized(model.input((1, 4)), -0.1))


def _float_first(model: QdqModel) -> None:
    x = model.input((1, 4))
    source = model.inputs[0].name
    model.output(x, model.quantized(model.op("Exp", [source])))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (_dynamic, "DynamicQuantizeLinear"),
        (_wide, "uint16"),
        (_float_between, "computes in float between integers"),
        (_unknown, "Exp"),
        (_float_constant, "float constant"),
        (_float_weights, "weights of 8 bits"),
        (_bias, "bias has another scale"),
        (_two_types, "two types"),
        (_negative_scale, "positive"),
        (_float_first, "before the first QuantizeLinear"),
    ],
)
def test_refusals(build: Callable[[QdqModel], None], words: str, tmp_path: Path) -> None:
    model = QdqModel()
    build(model)
    with pytest.raises(InputError) as caught:
        imported(model, tmp_path)
    assert words in str(caught.value)
    assert "model.onnx" in str(caught.value)


def test_damaged_files_end_in_an_error(tmp_path: Path) -> None:
    model = QdqModel()
    x = model.input((1, 3, 6, 5))
    a = model.quantized(model.op("Relu", [convolution(model, x)]), 0.1, 0)
    pooled = model.quantized(model.op("AveragePool", [a], kernel_shape=[2, 2]), 0.1, 0)
    summed = model.quantized(model.op("Add", [pooled, pooled]), 0.2, 0)
    mean = model.quantized(model.op("GlobalAveragePool", [summed]), 0.1, 0)
    model.output(model.quantized(model.op("Concat", [mean, mean], axis=1), 0.3))
    whole = model.proto().SerializeToString()
    rng = np.random.default_rng(0)
    path, refused = tmp_path / "damaged.onnx", 0
    for turn in range(250):
        damaged: Any = bytearray(whole)
        if turn % 5 == 0:
            damaged = damaged[: int(rng.integers(1, len(whole)))]
        else:
            for place in rng.integers(0, len(whole), 1 + turn % 4):
                damaged[place] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        try:
            import_model(path)
        except InputError as error:
            refused += 1
            assert "damaged.onnx" in str(error)
    assert refused > 100
