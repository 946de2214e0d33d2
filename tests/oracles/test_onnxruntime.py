"""Quantized ONNX models against ONNX Runtime's quantized operators: single operators and networks of the zoo.

`tools/bit_exact.py` compares networks on more inputs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npusim.importers.qdq.importer import import_onnx_integers
from tests.importers.models import need
from tests.importers.qdq_models import QdqModel
from tests.oracles.qdq_cases import CASES

ZOO = Path(os.environ.get("NPUSIM_ZOO", "none"))
IMAGES = 2


def tools() -> Any:
    """The comparison of a program with ONNX Runtime."""
    need("onnx")
    need("onnxruntime")
    return need("tools.ort")


def assert_exact(proto: Any, folder: Path, images: int = IMAGES, seed: int = 0) -> Any:
    """Every tensor of codes is the same on random inputs; returns the comparer."""
    ort, comparison = tools(), need("tools.comparison").Comparison()
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    imported = import_onnx_integers(path)
    comparer, rng = ort.Comparer(proto, imported), np.random.default_rng(seed)
    for _ in range(images):
        comparer.add(ort.random_floats(imported, proto, rng), comparison)
    assert comparison.tensors > 0
    assert comparison.differing == {}
    return comparer


def as_int8(proto: Any) -> Any:
    """A model in QOperator form with all of its uint8 constants, zero points among them, 128 lower."""
    numpy_helper = need("onnx").numpy_helper
    del proto.graph.value_info[:]
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.uint8:
            lower = (values.astype(np.int16) - 128).astype(np.int8)
            tensor.CopyFrom(numpy_helper.from_array(lower, tensor.name))
    return proto


def model_of(name: str, dtype: Any, seed: int) -> Any:
    """One of the cases."""
    model = QdqModel(dtype)
    CASES[name](model, np.random.default_rng(seed))
    return model.proto()


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("name", CASES)
def test_qdq(name: str, dtype: Any, tmp_path: Path) -> None:
    for seed in range(2 if dtype is np.uint8 else 1):
        assert_exact(model_of(name, dtype, seed), tmp_path, seed=seed)


@pytest.mark.parametrize("opset", [10, 11, 17, 21])
@pytest.mark.parametrize("name", ["conv_relu", "gemm", "residual", "concat"])
def test_operator_sets(name: str, opset: int, tmp_path: Path) -> None:
    model = QdqModel(opset=opset)
    CASES[name](model, np.random.default_rng(5))
    assert_exact(model.proto(), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_qoperator(name: str, tmp_path: Path) -> None:
    """What ONNX Runtime fuses a model to, and the same with int8 activations."""
    fused = tools().optimized(model_of(name, np.uint8, 2))
    assert_exact(fused, tmp_path, seed=2)
    assert_exact(as_int8(fused), tmp_path, seed=3)


@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
@pytest.mark.parametrize(("name", "form"), [("resnet8_cifar10", 0), ("dscnn_kws", 1), ("dscnn_kws", 3)])
def test_zoo(name: str, form: int) -> None:
    tools()
    tool = need("tools.bit_exact")
    found = tool.compare_quantized(name, tool.FORMS[form], 2, 2)
    assert found.images == 4
    assert found.tensors >= 12
    assert found.differing == {}
