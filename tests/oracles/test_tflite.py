"""TFLite models against LiteRT's reference kernels: single operators, and the models of the zoo.

`tools/bit_exact.py` compares the zoo on more inputs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npusim.importers.tflite.importer import import_tflite
from tests.importers.models import need
from tests.importers.tflite_models import assert_exact
from tests.oracles.tflite_builders import Case
from tests.oracles.tflite_cases import cases

ZOO = Path(os.environ.get("NPUSIM_ZOO", "none"))
CASES = cases()
MODELS = {
    "ad01_int8": 4,
    "deeplabv3_mnv2_dm05_pascal_quant": 1,
    "resnet8_int8": 4,
    "tf2_mobilenet_v2_1.0_224_ptq": 1,
    "vww_96_int8": 2,
}
"""How many real inputs, and as many random ones, each model is tried on here."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_operator(case: Case, tmp_path: Path) -> None:
    for seed in range(2):
        rng = np.random.default_rng(seed)
        model, outputs = case(rng)
        assert_exact(model, tmp_path, *outputs, images=2, seed=seed)


def tools() -> Any:
    """The tool with the full table."""
    need("ai_edge_litert")
    return need("tools.bit_exact")


@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
@pytest.mark.parametrize("name", MODELS)
def test_zoo(name: str) -> None:
    path = ZOO / "models" / f"{name}.tflite"
    found = tools().compare(path, MODELS[name], MODELS[name])
    assert found.images == 2 * MODELS[name]
    assert found.tensors == len(set(import_tflite(path).tensors)) - 1  # all but the input
    assert found.differing == {}


@pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
def test_every_model_of_the_zoo_is_tried() -> None:
    assert {path.stem for path in (ZOO / "models").glob("*.tflite")} == set(MODELS)
