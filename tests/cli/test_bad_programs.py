"""Everything that can be wrong in a program: one error, with file, line, key, found, allowed; and sealing."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import npusim
from npusim.errors import InputError
from npusim.program import seal
from tests.cli.files import PROGRAM, Mistake, write_all
from tests.cli.test_bad_networks import spoil
from tests.compiler.networks import images

MISTAKES = {
    "a network": Mistake("npusim-program-1", "npusim-network-1", "format", "format:", "npusim-program-1"),
    "another arithmetic": Mistake(
        "arithmetic_version: 1", "arithmetic_version: 2", "arithmetic_version", "version: 2", "1"
    ),
    "typo in a key": Mistake("edited: false", "editd: false", "editd", "editd", "did you mean 'edited'"),
    "text for a flag": Mistake("edited: false", "edited: maybe", "edited", "maybe", "boolean"),
    "unknown step": Mistake("step: add", "step: adder", "steps[2].step", "adder", "did you mean 'add'"),
    "unknown operation": Mistake(
        "operation: conv2d", "operation: conv3d", "steps[0].operation", "conv3d", "depthwise_conv2d"
    ),
    "shift outside its field": Mistake(
        "    shift: ", "    shift: 64  # ", "steps[0].fields.shift", "shift: 64", "0..63"
    ),
    "negative shift": Mistake(
        "    shift: ", "    shift: -1  # ", "steps[0].fields.shift", "shift: -1", "0..63"
    ),
    "multiplier outside its field": Mistake(
        "    multiplier: ", "    multiplier: 65536  # ", "steps[0].fields.multiplier", "65536", "0..65535"
    ),
    "a fraction in a field": Mistake(
        "    shift: ", "    shift: 2.5  # ", "steps[0].fields.shift", "shift: 2.5", "2.5"
    ),
    "multiplier per channel": Mistake(
        "    multiplier: ",
        "    multiplier: [1, 2, 3, 4]  # ",
        "steps[0].fields.multiplier",
        "[1, 2, 3, 4]",
        "one register per layer",
    ),
    "inverse shift outside its field": Mistake(
        "inverse_shift: [",
        "inverse_shift: [16, 0, 0, 0]  # ",
        "steps[0].fields.inverse_shift",
        "[16",
        "0..15",
    ),
    "inverse shifts too few": Mistake(
        "inverse_shift: [",
        "inverse_shift: [1, 2, 3]  # ",
        "steps[0].fields.inverse_shift",
        "[1, 2, 3]",
        "one value per channel",
    ),
    "missing field": Mistake("    shift: ", "    # ", "steps[0].fields.shift", "fields:", "missing"),
    "another field": Mistake(
        "    shift: ", "    slope: 1\n    shift: ", "steps[0].fields.slope", "slope: 1", "no such field"
    ),
    "x_zero that is no code": Mistake(
        "    x_zero: ", "    x_zero: 200  # ", "steps[0].fields.x_zero", "200", "-128..127"
    ),
    "clamp outside the codes": Mistake(
        "    high: 127", "    high: 128", "steps[0].fields.high", "high: 128", "-128..127"
    ),
    "clamp the wrong way round": Mistake(
        "  high: 127\n  activation: low",
        "  high: -100\n  activation: low",
        "steps[1].low",
        "low: ",
        "wrong way round",
    ),
    "bias out of range": Mistake(
        "  bias: [", "  bias: [2147483648, ", "steps[0].bias", "2147483648", "-2147483648..2147483647"
    ),
    "bias too long": Mistake(
        "  bias: [", "  bias: [1, ", "steps[0].bias", "bias: [1,", "one bias per output"
    ),
    "a fraction in a bias": Mistake("  bias: [", "  bias: [1.5, ", "steps[0].bias[0]", "bias: [1.5", "1.5"),
    "unknown activation": Mistake(
        "activation: low", "activation: relu", "steps[1].activation", "relu", "none, low, high, both"
    ),
    "one input too few": Mistake(
        "inputs: [relu, conv]", "inputs: [relu]", "steps[2].inputs", "inputs: [relu]", "found '1 input'"
    ),
    "one input too many": Mistake(
        "inputs: [sum]", "inputs: [sum, relu]", "steps[3].inputs", "[sum, relu]", "found '2 inputs'"
    ),
    "dangling input": Mistake(
        "inputs: [relu, conv]", "inputs: [rellu, conv]", "steps[2].inputs", "rellu", "did you mean 'relu'"
    ),
    "cycle": Mistake("inputs: [conv]", "inputs: [sum]", "steps[1]", "name: relu", "cycle"),
    "duplicate step": Mistake("- name: sum", "- name: relu", "steps[2].name", "name: relu", "taken"),
    "made twice": Mistake("output: sum", "output: relu", "steps[2]", "name: sum", "made twice"),
    "wrong tensor shape": Mistake(
        "    shape: [6, 6, 4]", "    shape: [6, 6, 5]", "steps[0].output", "output: conv", "does not describe"
    ),
    "tensor of other codes": Mistake(
        "    bits: 8", "    bits: 16", "steps[0].inputs[0]", "inputs: [x]", "s8"
    ),
    "tensor of too many bits": Mistake("    bits: 8", "    bits: 99", "tensors.x.bits", "bits: 99", "63"),
    "missing tensor": Mistake(
        "  x:\n    shape: [6, 6, 3]\n    bits: 8\n    signed: true\n", "", "tensors", "tensors:", "'x'"
    ),
    "counts that do not occur": Mistake("counts: [36]", "counts: [35]", "steps[3].counts", "counts:", "[36]"),
    "weights misshapen": Mistake("[4, 3, 3, 3]", "[4, 27]", "steps[0].weights", "weights:", "wrong shape"),
    "weights of another type": Mistake(
        "dtype: int8", "dtype: float32", "steps[0].weights.dtype", "float32", "int8, int16"
    ),
    "missing array": Mistake(
        "steps/conv/weights", "steps/conv/wights", "steps[0].weights", "weights:", "no such array"
    ),
    "no digest": Mistake("    sha256: ", "    # ", "steps[0].weights", "weights:", "sha256 is missing"),
    "another digest": Mistake('sha256: "', 'sha256: "0', "steps[0].weights.sha256", "sha256", "pattern"),
    "zero scale": Mistake(
        "x: {scale: ", "x: {scale: 0.0, zero_point: 0}  # ", "real.tensors.x.scale", "x: {scale", "0"
    ),
    "negative scale": Mistake(
        "x: {scale: ", "x: {scale: -1.0, zero_point: 0}  # ", "real.tensors.x.scale", "x: {scale", "0"
    ),
    "infinite scale": Mistake(
        "x: {scale: ", "x: {scale: .inf, zero_point: 0}  # ", "real.tensors.x.scale", "x: {scale", "finite"
    ),
    "a scale for nothing": Mistake(
        "    x: {scale: ", "    xx: {scale: ", "real.tensors.xx", "xx: {", "no such tensor"
    ),
    "datapath that cannot be": Mistake(
        "rounding: half_up",
        "rounding: half",
        "datapath.pipelines.mac.result[1].rounding",
        "rounding: half",
        "half_up",
    ),
    "datapath of too few bits": Mistake(
        "bits: 49", "bits: 47", "datapath.pipelines.mac.result[0]", "stage: multiply", "declare more bits"
    ),
    "path escape": Mistake("arrays: prog.h5", "arrays: ../prog.h5", "arrays", "../prog.h5", "'..'"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_all(tmp_path)
    return tmp_path / "prog.yaml"


def error_of(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        npusim.load_program(path)
    return caught.value


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_the_yaml(path: Path, name: str) -> None:
    mistake = MISTAKES[name]
    mistake.make(path)
    mistake.check(error_of(path), path)


@pytest.mark.parametrize("how", ["empty", "truncated", "short by one", "no HDF5", "zeros"])
def test_damaged_companions_name_the_file(path: Path, how: str) -> None:
    spoil(path.with_suffix(".h5"), how)
    error = error_of(path)
    assert error.file in {str(path), str(path.with_suffix(".h5"))}
    assert "prog.h5" in str(error)


def edit(path: Path, name: str, place: tuple[int, ...], value: int) -> None:
    with h5py.File(path.with_suffix(".h5"), "r+") as file:
        file[name][place] = value


def test_an_edited_array_is_refused_until_it_is_sealed(path: Path) -> None:
    edit(path, "steps/conv/weights", (1, 2, 2, 0), -5)
    error = error_of(path)
    assert error.key == "steps[0].weights"
    assert "array 'steps/conv/weights' in prog.h5: content differs from its sha256" in str(error)
    assert "npusim program seal" in str(error)
    sealed = seal(path)
    assert sealed.edited
    loaded = npusim.load_program(path)
    assert loaded == sealed
    assert loaded.edited
    assert "edited: true" in path.read_text()
    weights = loaded.steps[0].model_dump()["weights"]
    changed = np.argwhere(weights != PROGRAM.steps[0].model_dump()["weights"])
    assert changed.tolist() == [[1, 2, 2, 0]]
    assert npusim.simulate(loaded, images()).outputs["head"].shape == (4, 3)
    again = seal(path)
    assert again == sealed


def test_sealing_does_not_accept_what_the_datapath_cannot_hold(path: Path) -> None:
    before = path.read_bytes()
    edit(path, "steps/conv/weights", (0, 0, 0, 0), -128)
    with pytest.raises(InputError) as caught:
        seal(path)
    assert (caught.value.key, caught.value.file) == ("steps[0].weights", str(path))
    assert "found -128; allowed: -127..127" in str(caught.value)
    assert "weights:" in path.read_text().splitlines()[(caught.value.line or 0) - 1]
    assert path.read_bytes() == before


def test_sealing_what_nobody_edited_only_marks_it(path: Path) -> None:
    assert seal(path).steps == PROGRAM.steps


def test_byte_tables_out_of_range_are_refused(path: Path) -> None:
    edit(path, "real/byte_tables/x", (0, 0), 200)
    with pytest.raises(InputError) as caught:
        seal(path)
    assert caught.value.key == "real.byte_tables.x"
    assert caught.value.line is not None
