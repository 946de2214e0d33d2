"""A rule changed in a copy of the reference RTL: its dump, given to ``npusim diff``, names the rule."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from npusim.cli.app import app
from npusim.compiler import compile_network
from npusim.datapath import load_datapath
from npusim.demo import bundled, load_images
from npusim.network import load_network
from npusim.vectors import write_vectors
from npusim.vectors.bench import emit
from npusim.vectors.bench.emit import RTL, emit_set
from npusim.vectors.bench.run import run_benches
from npusim.vectors.bench.simulators import Simulator
from tests.rtl.units import require

MAC, ADD = "dw1", "residual"


@dataclass(frozen=True)
class Edit:
    """A line of the RTL, what stands there instead, and what the rule is called."""

    name: str
    file: str
    line: str
    instead: str
    rule: str
    step: str = MAC
    also: tuple[str, str, str] | None = None

    def make(self, rtl: Path) -> None:
        """Edit a copy of the RTL."""
        lines = (self.file, self.line, self.instead), self.also
        for file, line, instead in filter(None, lines):
            path = rtl / f"npusim_{file}.sv"
            text = path.read_text()
            assert text.count(line) == 1
            path.write_text(text.replace(line, instead))


CLAMPED = "exact = not_low > operand_1 ? operand_1 : not_low;"
START = "start = LATE ? WORD'(0) : WORD'(bias);"
EDITS = [
    Edit("floor", "increment", "ROUND_HALF_UP:          increment = guard;",
         "ROUND_HALF_UP: increment = 1'b0;", "rounds floor, not half_up"),
    Edit("wraps", "stage", CLAMPED, "exact = $signed(value[7:0]);", "wraps to 8 bits"),
    Edit("zero point", "stage", "exact = value + operand_0;", "exact = value - operand_0;",
         "y_zero has the other sign"),
    Edit("one bit", "stage", "amount = 9'(operand_sum);", "amount = 9'(operand_sum) + 9'd1;",
         "one bit too far"),
    Edit("inverse shift first", "pipeline", "assign entering = WORD'(value);",
         "assign entering = WORD'(value) >>> 8'(g_stage[1].operand_1);",
         "inverse_shift is undone before the first stage, floor",
         also=("stage", "amount = 9'(operand_sum);", "amount = 9'(operand_0);")),
    Edit("floor in an add", "increment", "ROUND_HALF_UP:          increment = guard;",
         "ROUND_HALF_UP: increment = 1'b0;", "rounds floor, not half_up", ADD),
]  # fmt: skip
SLOW = [
    Edit("no inverse shift", "stage", "amount = 9'(operand_sum);", "amount = 9'(operand_0);",
         "inverse_shift is left out"),
    Edit("half away", "increment", "ROUND_HALF_UP:          increment = guard;",
         "ROUND_HALF_UP: increment = sign & (guard | sticky);", "rounds toward_zero"),
    Edit("off by one", "shift_round", "result = increment ? quotient + 1 : quotient;",
         "result = (increment ? quotient + 1 : quotient) + 1;", "off by +1"),
    Edit("bias lost", "mac_column", START, "start = WORD'(0);", "the bias is left out"),
    Edit("bias subtracted", "mac_column", START, "start = -WORD'(bias);", "the bias is subtracted"),
    Edit("narrow", "mac_column", "next = LATE && last ? late : summed;",
         "next = $signed(summed <<< (WORD - 14)) >>> (WORD - 14);", "14 bits and wraps"),
    Edit("difference", "add", "default:                          exact = WORD'(a) + WORD'(b);",
         "default: exact = WORD'(a) - WORD'(b);", "a difference is made", ADD),
    Edit("ignores b", "add", "default:                          exact = WORD'(a) + WORD'(b);",
         "default: exact = WORD'(a);", "the second operand is ignored", ADD),
    Edit("sign in an add", "operand", "value = NEGATIVE ? -read : read;", "value = read;",
         "-x_zero has the other sign", ADD),
]  # fmt: skip


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Golden vectors of two steps of the bundled network, a set each."""
    calibration, _ = load_images("digits_calibration.h5")
    images, _ = load_images("digits_test.h5")
    network = load_network(bundled("digits_rescaled.yaml"))
    program = compile_network(network, load_datapath("wes_npu"), "wes", calibration[:64])
    folders = {}
    for step, pixels in ((MAC, 5), (ADD, 9)):
        folders[step] = tmp_path_factory.mktemp("vectors") / "set"
        written = write_vectors(program, images[:1], folders[step], steps=[step], sample_pixels=pixels)
        emit_set(folders[step], written)
    return folders


def test_the_rule_is_named(
    edit: Edit, vectors: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = require(Simulator.ICARUS)
    copy = shutil.copytree(RTL, tmp_path / "rtl")
    edit.make(copy)
    monkeypatch.setattr(emit, "RTL", copy)
    run_benches(vectors[edit.step], simulator, dump=tmp_path / "dump")
    done = CliRunner().invoke(app, ["diff", str(vectors[edit.step]), str(tmp_path / "dump"), "--json"])
    found = json.loads(done.stdout)
    assert found["first"]["step"] == edit.step
    told = [" and ".join(change["text"] for change in changes) for changes in found["explanations"]]
    assert any(edit.rule in text for text in told), told
    assert len(told) <= 6, told


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    slow = [pytest.param(edit, marks=pytest.mark.slow) for edit in SLOW]
    metafunc.parametrize("edit", [*EDITS, *slow], ids=lambda edit: edit.name)
