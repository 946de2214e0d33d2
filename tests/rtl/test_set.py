"""Vector sets of programs against RTL, in both simulators; files that are not the ones written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from npusim.cli import main
from npusim.errors import CheckFailed, InputError
from npusim.vectors import write_vectors
from npusim.vectors.bench.emit import RTL, emit_set
from npusim.vectors.bench.run import Outcome, run_benches
from npusim.vectors.bench.simulators import Simulator, run
from npusim.vectors.bench.user import UserUnit
from npusim.vectors.manifest import Manifest
from tests.rtl.units import require
from tests.vectors.programs import codes, small_network

STEPS = {"block/conv": 120, "block/dw": 120, "add": 60, "pool": 8, "fc": 14}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    program = small_network()
    emit_set(folder, write_vectors(program, codes(1, program), folder, sample_pixels=15))
    return folder


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "set")


@pytest.mark.parametrize("simulator", Simulator)
def test_every_covered_step_passes(simulator: Simulator, copied: Path) -> None:
    results = run_benches(copied, require(simulator))
    passed = {result.step: result.compared for result in results if result.outcome is Outcome.PASSED}
    assert passed == STEPS
    assert len(results) == len(STEPS)


def built(folder: Path, unit: str) -> list[str]:
    """Build a unit's bench by hand, as its user would; the command that runs it."""
    runner = require(Simulator.ICARUS).runner
    sources = [RTL / "npusim_codes.sv", folder / "bench" / "wes_npu_pkg.sv"]
    sources += sorted(set(RTL.glob("npusim_*.sv")) - set(sources))
    sources += [folder / "bench" / f"{unit}_{part}.sv" for part in ("dut", "bench")]
    runner.build(sources, folder)
    return runner.command(folder)


def by_hand(folder: Path, command: list[str], step: str) -> tuple[int, str]:
    """A run in the set's folder with the arguments that were written."""
    arguments = (folder / "bench" / step / "arguments").read_text().splitlines()
    done = run([*command, *arguments], folder, 60)
    return done.returncode, done.stdout


def test_edited_and_shortened_files_fail(copied: Path) -> None:
    command = built(copied, "mac")
    step = copied / "4_fc"
    assert by_hand(copied, command, "4_fc") == (0, "PASS fc: 14 compared\n")
    for path in sorted(step.glob("*.hex")):
        whole = path.read_text()
        digit = "0" if whole[-2] != "0" else "1"
        edits = {
            "was edited: checksum": f"{whole[:-2]}{digit}\n",
            "words, ": "\n".join(whole.splitlines()[:-1]) + "\n",
            "words,": f"{whole}{whole.splitlines()[-1]}\n",
            "no word": f"{whole}// the end\n",
        }
        for complaint, text in edits.items():
            path.write_text(text)
            code, said = by_hand(copied, command, "4_fc")
            assert code != 0, path
            assert f"{path.name}" in said
            assert complaint in said, said
            assert "PASS" not in said
        path.write_text(whole)
    (step / "bias.hex").unlink()
    code, said = by_hand(copied, command, "4_fc")
    assert (code != 0, "bias.hex cannot be opened" in said) == (True, True)


def test_x_and_nothing_are_failures(copied: Path) -> None:
    command = built(copied, "mac")
    path = copied / "4_fc" / "expected_outputs.hex"
    text = path.read_text()
    path.write_text(text[:-3] + "xx\n")
    assert by_hand(copied, command, "4_fc")[0] != 0
    path.write_text(text)
    arguments = copied / "bench" / "4_fc" / "arguments"
    arguments.write_text(arguments.read_text().replace("+pixels=1\n", "+pixels=0\n"))
    code, said = by_hand(copied, command, "4_fc")
    assert code != 0
    assert "nothing was compared" in said


def test_an_edited_set_is_refused_before_it_is_built(copied: Path) -> None:
    path = copied / "2_add" / "expected_outputs.hex"
    path.write_text(path.read_text()[:-1])
    with pytest.raises(CheckFailed, match="content differs"):
        run_benches(copied, Simulator.ICARUS)


TILE = """\
module my_tile #(parameter int WRONG = 0) (
    input logic ck, rst_n, go, start, stop,
    input logic [127:0] x, w,
    input logic signed [31:0] b,
    input logic [15:0] m, input logic [5:0] s, input logic [3:0] k,
    input logic signed [7:0] zero, least, most,
    output logic [7:0] y
);
  logic signed [31:0] sum;
  logic signed [63:0] beat, total, scaled;
  integer i;
  always @* begin
    beat = start ? 64'(b) : 64'(sum);
    for (i = 0; i < 16; i = i + 1) beat = beat + $signed(x[8*i +: 8]) * $signed(w[8*i +: 8]);
  end
  always @(posedge ck)
    if (!rst_n) sum <= 0;
    else if (go) sum <= 32'(beat);
  always @* begin
    scaled = 64'(sum) * $signed({1'b0, m});
    total = ((scaled >>> (s + k - 1)) + 1) >>> 1;
    total = total + zero + WRONG;
    if (total < least) total = 64'(least);
    if (total > most) total = 64'(most);
  end
  always @(posedge ck) y <= total[7:0];
endmodule
"""
PORTS = {
    "clk": "ck",
    "reset": "~rst_n",
    "valid": "go",
    "first": "start",
    "last": "stop",
    "enable": None,
    "activations": "x",
    "weights": "w",
    "bias": "b",
    "field_multiplier": "m",
    "field_shift": "s",
    "field_inverse_shift": "k",
    "field_x_zero": None,
    "field_y_zero": "zero",
    "field_low": "least",
    "field_high": "most",
    "accumulators": None,
    "results": "y",
}


def test_a_users_tile(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "tile.sv").write_text(TILE)
    user = UserUnit(top="my_tile", latency=1, ports=PORTS)
    wrong = user.replace(parameters={"WRONG": 1})
    for unit, outcome in ((user, Outcome.PASSED), (wrong, Outcome.FAILED)):
        results = run_benches(
            copied, require(Simulator.ICARUS), users={"mac": unit}, rtl=[tmp_path / "tile.sv"]
        )
        found = {result.step: result for result in results}
        assert {found[step].outcome for step in ("block/conv", "block/dw", "fc")} == {outcome}
        assert found["fc"].compared == 7
        assert found["add"].text == "no module given for add"
    first = found["block/conv"].text.splitlines()[0]
    assert first.startswith("MISMATCH block/conv image 0 pixel 0 channel 1 result: expected 24, got 25")
    with pytest.raises(InputError, match="no such port"):
        run_benches(
            copied,
            Simulator.ICARUS,
            users={"mac": UserUnit(top="my_tile", ports={"clock": "ck"})},
            rtl=[tmp_path / "tile.sv"],
        )


def test_the_exit_code_tells(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require(Simulator.ICARUS)
    (tmp_path / "tile.sv").write_text(TILE)
    lines = ["format: npusim-ports-1", "units:", "  mac:", "    top: my_tile", "    latency: 1", "    ports:"]
    lines += [f"      {name}: {'null' if port is None else port}" for name, port in PORTS.items()]
    ports = tmp_path / "ports.yaml"
    for parameters, code in (("", 0), ("    parameters: {WRONG: 1}\n", 1)):
        ports.write_text("\n".join(lines) + "\n" + parameters)
        given = [str(copied), "--run", "icarus", "--rtl", str(tmp_path / "tile.sv"), "--ports", str(ports)]
        monkeypatch.setattr("sys.argv", ["npusim", "vectors", *given])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == code
    assert (
        "MISMATCH block/conv image 0 pixel 0 channel 1 result: expected 24, got 25" in capsys.readouterr().err
    )


def test_manifest_is_untouched_by_benches(written: Path) -> None:
    assert Manifest.model_validate_json((written / "manifest.json").read_text()).steps
    assert "bench/" not in (written / "manifest.json").read_text()
