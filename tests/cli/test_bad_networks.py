"""Everything that can be wrong in a network file: one error, with file, line, key, found, allowed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import npusim
from npusim.errors import InputError
from tests.cli.files import Mistake, write_all

MISTAKES = {
    "typo in a key": Mistake(
        "  stride: [1, 1]", "  strid: [1, 1]", "layers[0].strid", "strid:", "did you mean 'stride'"
    ),
    "typo at the top": Mistake(
        "outputs: [head]", "output: [head]", "output", "output:", "did you mean 'outputs'"
    ),
    "another format": Mistake(
        "npusim-network-1", "npusim-program-1", "format", "format:", "npusim-network-1"
    ),
    "unknown layer": Mistake(
        "layer: relu", "layer: reluu", "layers[1].layer", "reluu", "did you mean 'relu'"
    ),
    "no layer kind": Mistake("  layer: relu\n", "", "layers[1].layer", "name: relu", "missing"),
    "text for a number": Mistake("groups: 1", "groups: one", "layers[0].groups", "groups: one", "integer"),
    "a float for an integer": Mistake(
        "groups: 1", "groups: 1.0", "layers[0].groups", "groups: 1.0", "integer"
    ),
    "zero stride": Mistake("stride: [1, 1]", "stride: [0, 1]", "layers[0].stride[0]", "stride: [0, 1]", "1"),
    "negative padding": Mistake(
        "[[1, 1], [1, 1]]", "[[1, -1], [1, 1]]", "layers[0].padding[0][1]", "padding", "0"
    ),
    "too few strides": Mistake(
        "stride: [1, 1]", "stride: [1]", "layers[0].stride[1]", "stride: [1]", "missing"
    ),
    "a groups that does not divide": Mistake(
        "groups: 1", "groups: 2", "layers[0].weights", "weights:", "2 groups"
    ),
    "dangling input": Mistake(
        "inputs: [relu, conv]", "inputs: [rellu, conv]", "layers[2].inputs", "rellu", "did you mean 'relu'"
    ),
    "dangling output": Mistake(
        "outputs: [head]", "outputs: [haed]", "outputs", "outputs:", "did you mean 'head'"
    ),
    "one input too few": Mistake(
        "inputs: [relu, conv]", "inputs: [relu]", "layers[2].inputs", "inputs: [relu]", "found '1 input'"
    ),
    "one input too many": Mistake(
        "inputs: [sum]", "inputs: [sum, relu]", "layers[3].inputs", "[sum, relu]", "found '2 inputs'"
    ),
    "no inputs": Mistake("inputs: [sum]", "inputs: []", "layers[3].inputs", "inputs: []", "found '0 inputs'"),
    "cycle": Mistake("inputs: [conv]", "inputs: [sum]", "layers[1]", "name: relu", "cycle"),
    "duplicate layer": Mistake("name: sum", "name: relu", "layers[2].name", "name: relu", "taken"),
    "a layer named like an input": Mistake("- name: relu", "- name: x", "layers[1]", "name: x", "made twice"),
    "a bad name": Mistake("name: sum", "name: ../sum", "layers[2].name", "../sum", "pattern"),
    "a name beyond ASCII": Mistake(
        "name: sum", "name: summe\u00e9", "layers[2].name", "name: summe", "pattern"
    ),
    "no companion": Mistake("arrays: net.h5\n", "", "layers[0].weights", "weights:", "companion"),
    "missing companion": Mistake("arrays: net.h5", "arrays: no.h5", "arrays", "no.h5", "not found"),
    "absolute companion": Mistake("arrays: net.h5", "arrays: /etc/passwd", "arrays", "/etc", "absolute"),
    "path escape": Mistake("arrays: net.h5", "arrays: ../net.h5", "arrays", "../net.h5", "'..'"),
    "missing array": Mistake(
        "layers/conv/weights", "layers/conv/wights", "layers[0].weights", "weights:", "no such array"
    ),
    "misshapen array": Mistake("[4, 3, 3, 3]", "[4, 3, 9]", "layers[0].weights", "weights:", "wrong shape"),
    "wrong dtype": Mistake(
        "dtype: float64", "dtype: float32", "layers[0].weights", "weights:", "wrong element type"
    ),
    "integer weights": Mistake(
        "dtype: float64", "dtype: int8", "layers[0].weights.dtype", "dtype: int8", "float32, float64"
    ),
    "a digest that is none": Mistake(
        "sha256: ", "sha256: x", "layers[0].weights.sha256", "sha256", "pattern"
    ),
    "bias too short": Mistake("bias: [", "bias: [1.5]  # ", "layers[0].bias", "bias:", "one bias per output"),
    "infinite bias": Mistake("bias: [", "bias: [.inf, ", "layers[0].bias", "bias: [.inf", "finite"),
    "text in a bias": Mistake("bias: [", "bias: [abc, ", "layers[0].bias[0]", "bias:", "abc"),
    "std of zero": Mistake("std: [127.5]", "std: [0.0]", "preprocess", "preprocess:", "std"),
    "channel order": Mistake(
        "channel_order: rgb", "channel_order: gbr", "preprocess.channel_order", "gbr", "bgr"
    ),
    "input without a shape": Mistake("  shape: [6, 6, 3]\n", "", "inputs[0].shape", "name: x", "missing"),
    "input of no dimensions": Mistake("shape: [6, 6, 3]", "shape: []", "inputs[0].shape", "shape: []", "1"),
    "input too flat": Mistake("shape: [6, 6, 3]", "shape: [6, 3]", "layers[0]", "name: conv", "image"),
    "kernel too large": Mistake("shape: [6, 6, 3]", "shape: [6, 0, 3]", "inputs[0].shape[1]", "shape:", "1"),
    "duplicate key": Mistake(
        "layer: relu", "layer: relu\n  layer: relu", "layers[1].layer", "layer: relu", "duplicate key"
    ),
    "alias": Mistake("inputs: [sum]", "inputs: *sum", "layers[3].inputs", "*sum", "alias"),
    "a tab": Mistake("  layer: relu", "\tlayer: relu", "", "", ""),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_all(tmp_path)
    return tmp_path / "net.yaml"


def error_of(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        npusim.load_network(path)
    return caught.value


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items() if mistake.key])
def test_mistakes_in_the_yaml(path: Path, name: str) -> None:
    mistake = MISTAKES[name]
    mistake.make(path)
    mistake.check(error_of(path), path)


def test_yaml_that_is_none_names_the_line(path: Path) -> None:
    MISTAKES["a tab"].make(path)
    error = error_of(path)
    assert error.file == str(path)
    assert error.line is not None
    assert "\tlayer: relu" in path.read_text().splitlines()[error.line - 1]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_no_numbers(path: Path, number: float) -> None:
    with h5py.File(path.with_suffix(".h5"), "r+") as file:
        file["layers/conv/weights"][1, 2, 0, 1] = number
    path.write_text("".join(line for line in path.open() if "sha256" not in line))
    error = error_of(path)
    assert error.key == "layers[0].weights"
    assert "not finite at index [1, 2, 0, 1]" in str(error)
    assert error.line == 1 + path.read_text().splitlines().index("  weights:")


def test_edited_weights_are_told_from_others(path: Path) -> None:
    with h5py.File(path.with_suffix(".h5"), "r+") as file:
        file["layers/conv/weights"][0, 0, 0, 0] = 7.0
    error = error_of(path)
    assert error.key == "layers[0].weights"
    assert "differs from its sha256" in str(error)
    assert "leave the sha256 out" in str(error)
    path.write_text("".join(line for line in path.open() if "sha256" not in line))
    assert npusim.load_network(path).layers[0].model_dump()["weights"][0, 0, 0, 0] == 7.0


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "truncated": content[: len(content) // 2],
            "short by one": content[:-1],
            "no HDF5": b"hello" * 100,
            "zeros": bytes(len(content)),
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "truncated", "short by one", "no HDF5", "zeros"])
def test_damaged_companions_name_the_file(path: Path, how: str) -> None:
    spoil(path.with_suffix(".h5"), how)
    error = error_of(path)
    assert error.file in {str(path), str(path.with_suffix(".h5"))}
    assert "net.h5" in str(error)


@pytest.mark.parametrize("content", [b"", b"\n", b"\0\0", b"\xff\xfe", b"- 1\n", b"just text\n", b"{}\n"])
def test_files_that_are_no_networks(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert error_of(path).file == str(path)


def test_a_companion_that_leads_out_by_a_link(path: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "net.yaml").write_bytes(path.read_bytes())
    (inner / "net.h5").symlink_to(path.with_suffix(".h5"))
    error = error_of(inner / "net.yaml")
    assert (error.key, error.line) == ("arrays", 1)
    assert "leads out" in str(error)
