"""`npusim vectors` of units: sets, the stream, `verify`, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import Cli
from tests.vectors.units.lines import answered, header_of, text_of

NPUSIM = [sys.executable, "-m", "npusim", "vectors"]


def pipe(command: str) -> subprocess.CompletedProcess[str]:
    """A shell's pipe that fails if one of its commands does."""
    script = f"set -o pipefail; {command}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)


def test_a_set_of_all_units(cli: Cli, tmp_path: Path) -> None:
    arguments = ("vectors", "--datapath", "gemmini_os", "-o", tmp_path / "v", "--beats", "1")
    done = cli(*arguments)
    assert (done.code, done.err) == (0, "")
    assert "2 units" in done.out
    found = json.loads((tmp_path / "v" / "manifest.json").read_text())
    assert found["vector_format"] == "hex"
    assert [unit["unit"] for unit in found["units"]] == ["mac.column_of_1_beats", "mac.result"]
    done = cli("vectors", "verify", tmp_path / "v")
    assert done.code == 0
    assert f"{sum(unit['cases'] for unit in found['units']):,} cases are what the spec makes" in done.out
    written = cli(*arguments, "--format", "npz", "--seed", "7", "--level", "1", "--unit", "rescale", "--json")
    assert (written.json["vector_format"], written.json["seed"]) == ("npz", 7)
    assert cli("vectors", "verify", tmp_path / "v", "--json").json["format"] == "npusim-unit-vectors-1"


def test_a_generator_whose_reader_left_ends_quietly() -> None:
    done = pipe(f"{' '.join(NPUSIM)} --datapath gemmini_os --unit rescale | head -n 1")
    assert done.returncode == 141
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_answers_in_a_file(cli: Cli, tmp_path: Path) -> None:
    lines = answered(text_of("gemmini_os", "rescale"))
    path = tmp_path / "answers.txt"
    path.write_text("".join(lines))
    done = cli("vectors", "verify", path, "--json")
    assert done.code == 0
    assert done.json["failure"] is None
    assert done.json["compared"] == done.json["cases"] == len(lines) - 3
    first, _, answer = lines[5].rpartition(":")
    lines[5] = f"{first}: {' '.join(['99', *answer.split()[1:]])}\n"
    path.write_text("".join(lines))
    done = cli("vectors", "verify", path)
    assert done.code == 1
    assert "line 6: expected_outputs expected" in done.out
    assert done.err == "npusim: mac.result: 1 mismatches\n"
    path.write_text("".join(lines[:20]))
    done = cli("vectors", "verify", path)
    assert done.code == 1
    assert "without its end line" in done.err


@pytest.mark.parametrize("content", ["", "".join(text_of("gemmini_os", "rescale"))], ids=["empty", "echo"])
def test_nothing_compared_fails(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, content: str, tmp_path: Path
) -> None:
    path = tmp_path / "stdin"
    path.write_text(content)
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        done = cli("vectors", "verify")
    assert done.code == 1
    assert "the input is empty" in done.err or "nothing was compared" in done.err


def test_sets_of_programs_are_verified_too(cli: Cli, folder: Path) -> None:
    for format_ in ("bin", "c"):
        assert cli("vectors", "write", "prog.yaml", "-o", "v", "--seed", "5", "--format", format_).code == 0
        found = json.loads((folder / "v" / "manifest.json").read_text())
        assert (found["seed"], found["byte_order"], found["vector_format"]) == (5, "little", format_)
        done = cli("vectors", "verify", "v")
        assert (done.code, done.err) == (0, "")
        assert "words are what the spec makes" in done.out
    place = folder / "v" / found["steps"][0]["files"][0]["path"]
    place.write_bytes(place.read_bytes()[:-1])
    done = cli("vectors", "verify", "v")
    assert done.code == 1
    assert "v" in done.err


def test_graded_texts(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "cases.txt"
    path.write_text("".join(text_of("gemmini_os", "mac_column")))
    done = cli("coverage", "gemmini_os", "--grade", path, "--json")
    assert done.code == 0
    (unit,) = done.json["units"]
    assert (unit["unit"], unit["missed"]) == ("mac.column_of_2_beats", 0)
    columns = header_of(text_of("gemmini_os", "rescale"))["inputs"]
    assert [column["name"] for column in columns][:2] == ["input_0", "field_shift"]
    path.write_text('# npusim-vectors-text-1 {"unit": "mac.result"}\n3 1 -128 127 0\n-5 2 -128 127 0\n')
    done = cli("coverage", "gemmini_os", "--grade", path)
    assert done.code == 1
    assert "missed: A.mac.result.input.low" in done.out
    path.write_text("".join(text_of("gemmini_os", "rescale")))
    assert "of another datapath" in cli("coverage", "wes_npu", "--grade", path).err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ('{"unit": 3}', "names no unit"),
        ('{"unit": "mac.resul"}', "no such unit"),
        ('{"unit": "mac.column", "beats": "4"}', "no number of beats"),
        ('{"unit": "mac.result"}\n1 2', "2 inputs, 5 are wanted"),
        ('{"unit": "mac.result"}\n1 2 3 4 x', "not only integers"),
        ('{"unit": "mac.result"}\n1 2 5 4 0', "no legal vector"),
    ],
)
def test_bad_texts_are_refused(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cases.txt"
    path.write_text(f"# npusim-vectors-text-1 {text}\n")
    assert said in cli.refused("coverage", "gemmini_os", "--grade", path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "vectors of what?"),
        (("--unit", "add"), "--unit: is of units; allowed: with --datapath"),
        (("prog.yaml", "--datapath", "wes_npu"), "PROG.yaml: does not go with --datapath"),
        (("--datapath", "wes_npu", "--step", "a"), "--step: does not go with --datapath"),
        (("--datapath", "wes_npu"), "only one unit's cases can be a stream"),
        (("--datapath", "wes_npu", "--unit", "add", "--unit", "mul"), "only one unit's"),
        (("--datapath", "wes_npu", "--unit", "add", "--format", "hex"), "-o: is needed"),
        (("--datapath", "wes_npu", "--unit", "ad"), "has no such unit"),
        (("--datapath", "wes_npu", "--unit", "add", "--format", "txt"), "no such choice"),
        (("--datapath", "wes_np", "--unit", "add"), "no such datapath"),
        (("verify", "nowhere"), "cannot be read"),
    ],
)
def test_refusals(cli: Cli, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli.refused("vectors", *arguments)


def test_c_files(cli: Cli, tmp_path: Path) -> None:
    done = cli("datapath", "c", "wes_npu", "-o", tmp_path, "--unit", "rescale")
    assert done.code == 0
    names = {path.name for path in tmp_path.iterdir() if path.suffix}
    assert {"wes_npu_reference.h", "wes_npu_reference.c", "wes_npu_reference_dpi.sv", "device.c"} <= names
