from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from npusim.errors import CheckFailed, InputError
from npusim.files.digest import file_digest
from npusim.vectors import VectorFormat, verify, write_vectors
from tests.vectors.programs import codes, small_network

PROGRAM = small_network()


@pytest.fixture(scope="module")
def whole_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for kind in VectorFormat:
        write_vectors(PROGRAM, codes(2, PROGRAM), folder / kind, images=2, format=kind)
        verify(folder / kind)
    return folder


@pytest.fixture
def hex_set(whole_sets: Path, tmp_path: Path) -> Path:
    return copytree(whole_sets / "hex", tmp_path / "set")


@pytest.fixture
def npy_set(whole_sets: Path, tmp_path: Path) -> Path:
    return copytree(whole_sets / "npy", tmp_path / "set")


def edit_line(path: Path, line: int, change: Callable[[str], str]) -> None:
    lines = path.read_text().split("\n")
    lines[line - 1] = change(lines[line - 1])
    path.write_text("\n".join(lines))


def other_digit(line: str) -> str:
    return line[:-1] + ("0" if line[-1] != "0" else "1")


FILES = [
    "0_block_conv/activations.hex",
    "0_block_conv/weights.hex",
    "0_block_conv/bias.hex",
    "0_block_conv/field_inverse_shift.hex",
    "0_block_conv/expected_accumulators.hex",
    "1_block_dw/expected_outputs.hex",
    "2_add/input_1.hex",
    "2_add/operand_fields_0_multiplier.hex",
    "3_pool/field_multiplier.hex",
    "network/expected_outputs.hex",
]


@pytest.mark.parametrize("name", FILES)
def test_one_digit_changed_is_found_with_its_line(hex_set: Path, name: str) -> None:
    last = len((hex_set / name).read_text().splitlines())
    line = min(last, 5)
    edit_line(hex_set / name, line, other_digit)
    with pytest.raises(CheckFailed, match=rf"{name}:{line}: .*found .*but the program makes"):
        verify(hex_set)


def test_the_place_of_a_word_is_told(hex_set: Path) -> None:
    name = "0_block_conv/expected_outputs.hex"
    word = (30 + 7) * 4 + 2
    edit_line(hex_set / name, word + 2, other_digit)
    with pytest.raises(CheckFailed, match="image 1, pixel 7, channel 2"):
        verify(hex_set)


@pytest.mark.parametrize("name", [*FILES, "network/inputs.hex"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_shortened_file_is_found(hex_set: Path, name: str, cut: int) -> None:
    content = (hex_set / name).read_bytes()
    (hex_set / name).write_bytes(content[:-cut])
    last = content.count(b"\n")
    with pytest.raises(CheckFailed, match=rf"{name}:{last}: .*ends after"):
        verify(hex_set)


@pytest.mark.parametrize("more", ["00\n", "\n", "x"])
def test_a_lengthened_file_is_found(hex_set: Path, more: str) -> None:
    path = hex_set / "network" / "expected_outputs.hex"
    last = path.read_text().count("\n")
    with path.open("a") as file:
        file.write(more)
    with pytest.raises(CheckFailed, match=rf"expected_outputs.hex:{last + 1}: something follows"):
        verify(hex_set)


@pytest.mark.parametrize("word", ["zz", "FB", "0 ", "+1", "_1"])
def test_what_is_no_word_is_found(hex_set: Path, word: str) -> None:
    for name in ("network/inputs.hex", "0_block_conv/expected_outputs.hex"):
        path = hex_set / name
        before = path.read_bytes()
        edit_line(path, 9, lambda _: word)
        with pytest.raises(CheckFailed, match=rf"{name}:9: not a word of 8 bits"):
            verify(hex_set)
        path.write_bytes(before)


def test_a_word_wider_than_its_register_is_found(hex_set: Path) -> None:
    edit_line(hex_set / "0_block_conv" / "field_shift.hex", 3, lambda line: "58")
    with pytest.raises(CheckFailed, match=r"field_shift\.hex:3: not a word of 6 bits"):
        verify(hex_set)


def test_a_changed_header_is_found(hex_set: Path) -> None:
    edit_line(hex_set / "2_add" / "input_0.hex", 1, lambda text: text.replace("8 bits", "9 bits"))
    with pytest.raises(CheckFailed, match=r"input_0\.hex:1: the header"):
        verify(hex_set)


def test_changed_stimulus_is_found(hex_set: Path) -> None:
    edit_line(hex_set / "network" / "inputs.hex", 7, other_digit)
    with pytest.raises(CheckFailed, match=r"inputs\.hex: content differs from its sha256"):
        verify(hex_set)


@pytest.mark.parametrize("name", ["0_block_conv/bias.hex", "program.yaml", "program.h5"])
def test_a_missing_file_is_found(hex_set: Path, name: str) -> None:
    (hex_set / name).unlink()
    with pytest.raises(CheckFailed, match=name):
        verify(hex_set)


@pytest.mark.parametrize("name", ["program.yaml", "program.h5"])
def test_a_changed_program_is_found(hex_set: Path, name: str) -> None:
    with (hex_set / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(CheckFailed, match=rf"{name}: content differs"):
        verify(hex_set)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("steps", 0, "files", 0, "signed"), False),
        (("steps", 0, "files", 0, "lanes"), 8),
        (("steps", 0, "beats", "pad_code"), 0),
        (("steps", 1, "attributes", "stride"), [2, 2]),
        (("steps", 3, "files", 0, "order", 0, "axis"), "row"),
        (("datapath", "mac", "accumulator", "overflow"), "wrap"),
        (("network", "files", 0, "words"), 89),
        (("images",), 1),
    ],
)
def test_a_changed_manifest_is_found(hex_set: Path, key: tuple[str | int, ...], value: object) -> None:
    path = hex_set / "manifest.json"
    data = json.loads(path.read_text())
    place = data
    for part in key[:-1]:
        place = place[part]
    place[key[-1]] = value
    path.write_text(json.dumps(data))
    with pytest.raises(CheckFailed, match=r"manifest\.json: .*but the program makes"):
        verify(hex_set)


def test_expected_outputs_changed_together_with_their_digest_are_found(hex_set: Path) -> None:
    """A set whose manifest agrees with its files but not with the program."""
    name = "4_fc/expected_outputs.hex"
    edit_line(hex_set / name, 4, other_digit)
    manifest = json.loads((hex_set / "manifest.json").read_text())
    for file in manifest["steps"][4]["files"]:
        file["sha256"] = file_digest(hex_set / file["path"])
    (hex_set / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckFailed, match=f"{name}:4: image 0, pixel 0, channel 2"):
        verify(hex_set)


def test_a_wrong_digest_in_the_manifest_is_found(hex_set: Path) -> None:
    manifest = json.loads((hex_set / "manifest.json").read_text())
    manifest["steps"][2]["files"][3]["sha256"] = "0" * 64
    (hex_set / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckFailed, match=manifest["steps"][2]["files"][3]["path"]):
        verify(hex_set)


def test_a_folder_without_a_manifest_is_bad_input(hex_set: Path) -> None:
    (hex_set / "manifest.json").unlink()
    with pytest.raises(InputError, match="manifest"):
        verify(hex_set)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "npusim-vectors-2"}', '{"images": NaN}'])
def test_what_is_no_manifest_is_bad_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json"):
        verify(tmp_path)


def test_a_manifest_cannot_point_out_of_its_folder(hex_set: Path) -> None:
    manifest = json.loads((hex_set / "manifest.json").read_text())
    manifest["program"]["path"] = "../program.yaml"
    (hex_set / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"must not contain '\.\.'"):
        verify(hex_set)


def test_npy_a_changed_word_is_found(npy_set: Path) -> None:
    path = npy_set / "0_block_conv" / "activations.npy"
    content = bytearray(path.read_bytes())
    content[128 + 16 * 11] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckFailed, match=r"activations\.npy: word 11: image 0, pixel 1, column 0, beat 2"):
        verify(npy_set)


def test_npy_a_shortened_file_is_found(npy_set: Path) -> None:
    path = npy_set / "4_fc" / "expected_accumulators.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        CheckFailed, match=r"expected_accumulators\.npy: word 13: the file ends after 13 words"
    ):
        verify(npy_set)


def test_npy_another_type_is_found(npy_set: Path) -> None:
    path = npy_set / "2_add" / "input_0.npy"
    path.write_bytes(path.read_bytes().replace(b"|i1", b"|u1"))
    with pytest.raises(CheckFailed, match=r"input_0\.npy:1: the header"):
        verify(npy_set)
