"""What the files of residual passes say, recomputed from the files alone with the spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.program import Program
from npusim.spec.expansion import accumulate_onto, sum_orders
from npusim.spec.pipeline import run
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.sum_orders import SumOrdersStep
from npusim.vectors import verify, write_vectors
from tests.compiler.networks import images, residual
from tests.vectors import reader


@pytest.fixture(scope="module", params=["wes_npu_rex", "wes_npu_rex_multipliers"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, Path]:
    program = npusim.compile(residual(), request.param, recipe="rex", calibration=images(8))
    folder = tmp_path_factory.mktemp("vectors")
    write_vectors(program, images(1), folder)
    return program, folder


def channel(files: dict[str, Any], o: int, prefix: str = "field_") -> dict[str, int]:
    codes = {name.removeprefix(prefix): f.codes for name, f in files.items() if name.startswith(prefix)}
    return {name: values[o if len(values) > 1 else 0] for name, values in codes.items()}


def test_a_set_verifies(written: tuple[Program, Path]) -> None:
    verify(written[1])


def test_the_files_alone_reproduce_every_pass(written: tuple[Program, Path]) -> None:
    program, folder = written
    for step in program.steps:
        if not isinstance(step, AccumulateStep):
            continue
        entry, files = reader.step(folder, step.name)
        beats, outputs = entry["beats"]["beats"], len(files["bias"].words)
        made = []
        for pixel in range(len(files["expected_accumulators"].words) // outputs):
            for o in range(outputs):
                column = pixel * entry["beats"]["columns"] + o // entry["beats"]["outputs_per_column"]
                activations = files["activations"].words[column * beats : (column + 1) * beats]
                weights = files["weights"].words[o * beats : (o + 1) * beats]
                pairs = [list(zip(*words, strict=True)) for words in zip(activations, weights, strict=True)]
                held = files["partial_sums"].codes[pixel * outputs + o] if step.resumes else 0
                shift, bias = entry["attributes"]["shift"], files["bias"].codes[o]
                made.append(accumulate_onto(pairs, held, shift, bias, program.datapath.mac.column).value)
        assert made == list(files["expected_accumulators"].codes), step.name


def test_the_files_alone_reproduce_every_code(written: tuple[Program, Path]) -> None:
    program, folder = written
    for step in program.steps:
        if isinstance(step, (RescaleStep, SumOrdersStep)):
            _, files = reader.step(folder, step.name)
            channels = program.tensors[step.output].shape[-1]
            inputs = [files[f"input_{index}"].codes for index in range(len(step.inputs))]
            made = [
                codes(step, files, values, i % channels, program)
                for i, values in enumerate(zip(*inputs, strict=True))
            ]
            assert made == list(files["expected_outputs"].codes), step.name


def codes(step: Any, files: dict[str, Any], values: tuple[int, ...], o: int, program: Program) -> int:
    fields = channel(files, o)
    if isinstance(step, RescaleStep):
        return run(step.stages(program.datapath), values[0], fields).result
    operands = [channel(files, o, f"operand_fields_{order}_") for order in range(len(values))]
    stages = step.operand_stages(program.datapath), step.result_stages(program.datapath)
    return sum_orders(values, stages[0], operands, stages[1], fields).result.result


def test_some_pixels(written: tuple[Program, Path], tmp_path: Path) -> None:
    program, _ = written
    manifest = write_vectors(program, images(1), tmp_path, sample_pixels=9)
    assert manifest.steps
    _, files = reader.step(tmp_path, "conv.order_2")
    _, whole = reader.step(written[1], "conv.order_2")
    few = np.array(files["expected_accumulators"].codes).reshape(-1, 8)
    every = np.array(whole["expected_accumulators"].codes).reshape(-1, 8)
    assert len(few) < len(every)
    assert all(row.tolist() in every.tolist() for row in few)
    verify(tmp_path)
