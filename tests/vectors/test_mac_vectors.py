"""What mac files say, recomputed from the files alone with the spec's MAC column and pipeline."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from npusim.datapath import Datapath
from npusim.datapath.load import change_datapath
from npusim.spec.loop_nest import Window
from npusim.spec.mac import accumulate
from npusim.spec.pipeline import run
from npusim.steps.mac import MacOperation, MacStep
from npusim.vectors import verify, write_vectors
from tests.simulator.draw import MacCase, mac_cases
from tests.vectors import reader
from tests.vectors.programs import WES, codes, mac, one_mac
from tests.vectors.reader import Words


def check_step(entry: dict[str, Any], files: dict[str, Words], datapath: Datapath, step: MacStep) -> int:
    """Recompute every accumulator and output from the words; how many there were."""
    order, beats = entry["beats"], entry["beats"]["beats"]
    axes = {axis["axis"]: axis["size"] for axis in files["activations"].entry["order"]}
    fields = {name.removeprefix("field_"): file.codes for name, file in files.items() if "field_" in name}
    outputs, index = len(files["bias"].words), 0
    subtracts = order["zero_point"] == "subtract"
    for pixel in range(axes["image"] * axes["pixel"]):
        for o in range(outputs):
            channel = {name: values[o] for name, values in fields.items()}
            x_zero = channel["x_zero"] if subtracts else 0
            column = pixel * order["columns"] + o // order["outputs_per_column"]
            activations = files["activations"].words[column * beats : (column + 1) * beats]
            weights = files["weights"].words[o * beats : (o + 1) * beats]
            pairs = [
                [(x - x_zero, w - channel.get("weight_zero", 0)) for x, w in zip(*words, strict=True)]
                for words in zip(activations, weights, strict=True)
            ]
            found = accumulate(pairs, files["bias"].codes[o], datapath.mac.column)
            assert found.value == files["expected_accumulators"].codes[index]
            trace = run(step.stages(datapath), found.value, channel)
            assert trace.result == files["expected_outputs"].codes[index]
            index += 1
    return index


@settings(max_examples=40)
@given(mac_cases())
def test_the_files_alone_reproduce_accumulators_and_outputs(case: MacCase) -> None:
    program = one_mac(case.step, case.datapath, case.x.shape[1:])
    with TemporaryDirectory() as name:
        write_vectors(program, case.x, name, images=2)
        entry, files = reader.step(Path(name), "mac")
        count = check_step(entry, files, case.datapath, case.step)
        verify(name)
    assert count == 2 * int(np.prod(program.outputs[0].shape))


def test_beats_stand_in_the_order_of_the_loop_nest(tmp_path: Path) -> None:
    """A 3x3 window over 20 channels in 16 lanes: two beats a tap, the second with 4 lanes used."""
    step = mac("conv", "x", "y", MacOperation.CONV2D, (2, 3, 3, 20))
    program = one_mac(step, WES, (3, 4, 20))
    x = codes(1, program)
    write_vectors(program, x, tmp_path)
    entry, files = reader.step(tmp_path, "conv")
    window, words = Window((3, 3), pad_before=(1, 1)), iter(files["activations"].words)
    for row, column, ky, kx, block in product(range(3), range(4), range(3), range(3), range(2)):
        y, x_ = window.at(row, column, ky, kx)
        inside = 0 <= y < 3 and 0 <= x_ < 4
        tap = x[0, y, x_].tolist() if inside else [-5] * 20
        lanes = tap[16 * block : 16 * block + 16]
        assert next(words) == lanes + [0] * (16 - len(lanes))
    assert entry["beats"]["pad_code"] == -5
    assert entry["beats"]["missing_activation"] == 0
    weights = iter(files["weights"].words)
    for o, ky, kx, block in product(range(2), range(3), range(3), range(2)):
        lanes = step.weights[o, ky, kx, 16 * block : 16 * block + 16].tolist()
        assert next(weights) == lanes + [0] * (16 - len(lanes))


def test_depthwise_columns_read_one_channel_each(tmp_path: Path) -> None:
    """Two outputs a channel: both columns carry that channel's nine taps."""
    step = mac("dw", "x", "y", MacOperation.DEPTHWISE_CONV2D, (6, 3, 3, 1))
    program = one_mac(step, WES, (4, 4, 3))
    x = codes(1, program)
    write_vectors(program, x, tmp_path)
    entry, files = reader.step(tmp_path, "dw")
    assert entry["beats"]["columns"] == 6
    centre = (1 * 4 + 1) * 6
    for o in range(6):
        lanes = x[0, 0:3, 0:3, o // 2].ravel().tolist()
        assert files["activations"].words[centre + o] == lanes + [0] * 7


def test_missing_lanes_are_zero_operands_where_the_mac_subtracts(tmp_path: Path) -> None:
    changes = {"mac.zero_point": "subtract", "weight.zero_point": True, "weight.low": None}
    changes |= {"fields.weight_zero": {"bits": 8, "signed": True, "per": "channel"}}
    datapath = change_datapath(WES, changes, "subtracting")
    step = mac("fc", "x", "y", MacOperation.DENSE, (2, 5))
    step = step.replace(fields={**step.fields, "weight_zero": np.array([3, -7])})
    program = one_mac(step, datapath, (5,))
    write_vectors(program, codes(1, program), tmp_path)
    entry, files = reader.step(tmp_path, "fc")
    assert files["activations"].words[0][5:] == [-5] * 11
    assert [word[5:] for word in files["weights"].words] == [[3] * 11, [-7] * 11]
    check_step(entry, files, datapath, step)


def test_a_sample_shows_the_listed_pixels(tmp_path: Path) -> None:
    step = mac("conv", "x", "y", MacOperation.CONV2D, (2, 3, 3, 3))
    program = one_mac(step, WES, (9, 7, 3))
    x = codes(2, program)
    write_vectors(program, x, tmp_path / "all", images=2)
    write_vectors(program, x, tmp_path / "some", images=2, sample_pixels=12, seed=5)
    verify(tmp_path / "some")
    _, everything = reader.step(tmp_path / "all", "conv")
    entry, sample = reader.step(tmp_path / "some", "conv")
    assert len(entry["pixels"]) == 12
    assert check_step(entry, sample, WES, step) == 2 * 12 * 2
    for name, words_per_pixel in (("activations", 9), ("expected_accumulators", 2), ("expected_outputs", 2)):
        shown = np.array(everything[name].words).reshape(2, 63, words_per_pixel, -1)[:, entry["pixels"]]
        assert sample[name].words == shown.reshape(len(sample[name].words), -1).tolist()


@pytest.mark.parametrize("bits", [24, 32, 40])
def test_accumulator_words_are_as_wide_as_the_accumulator(tmp_path: Path, bits: int) -> None:
    changes: dict[str, Any] = {"mac.accumulator.bits": bits, "mac.bias.bits": 24}
    changes |= {f"pipelines.{name}.result[0].bits": None for name in ("mac", "average_pool")}
    datapath = change_datapath(WES, changes, "other")
    step = mac("fc", "x", "y", MacOperation.DENSE, (2, 5))
    program = one_mac(step, datapath, (5,))
    write_vectors(program, codes(1, program), tmp_path)
    _, files = reader.step(tmp_path, "fc")
    assert {files[name].entry["bits"] for name in ("bias", "expected_accumulators")} == {bits}
