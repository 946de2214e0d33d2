"""The example of docs/rtl.md: its files, its commands, and that a broken unit of a user's is told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from npusim.cli import main
from npusim.datapath import load_datapath
from npusim.errors import CheckFailed, InputError
from npusim.vectors.bench.run import Outcome, run_benches
from npusim.vectors.bench.simulators import Simulator
from npusim.vectors.bench.user import UserUnit, read_user_units
from npusim.vectors.units.sets import write_units
from tests.rtl.units import require

PAGE = (Path(__file__).parents[2] / "docs" / "rtl.md").read_text("utf-8")


def block(kind: str) -> str:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require(Simulator.ICARUS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_rescale.v").write_text(block("verilog"))
    (tmp_path / "my_map.yaml").write_text(block("yaml"))
    commands = block("sh").splitlines()
    assert len(commands) == 2
    for command in commands:
        monkeypatch.setattr("sys.argv", shlex.split(command))
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code in {0, None}
    assert re.search(r"mac\.result +passed +5\d\d\d", capsys.readouterr().out)


@pytest.fixture(scope="module")
def rescale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    write_units(load_datapath("wes_npu"), folder / "set", units=["rescale"])
    (folder / "my_map.yaml").write_text(block("yaml"))
    return folder


BROKEN = {
    "half = total == 0 ? 50'sd0 : 50'sd1 <<< (total - 7'd1)": "half = 50'sd0",
    "wire [6:0] total": "wire [5:0] total",
    "total > 7'd49": "total > 7'd40",
    "{1'b0, mult}": "{mult}",
    "moved > ceiling ? ceiling": "moved >= ceiling ? ceiling - 8'sd1",
    "code <= moved": "code <= total == 40 ? 8'hxx : moved",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_rescale_is_told(line: str, rescale: Path, tmp_path: Path) -> None:
    assert line in block("verilog")
    (tmp_path / "broken.v").write_text(block("verilog").replace(line, BROKEN[line]))
    users = read_user_units(rescale / "my_map.yaml")
    (result,) = run_benches(
        rescale / "set", require(Simulator.ICARUS), users=users, rtl=[tmp_path / "broken.v"]
    )
    assert result.outcome is Outcome.FAILED
    assert re.match(r"MISMATCH mac\.result image 0 pixel 0 channel \d+: expected -?\d+, got ", result.text)


def test_maps_that_do_not_fit_are_refused(rescale: Path, tmp_path: Path) -> None:
    (tmp_path / "rescale.v").write_text(block("verilog"))
    (unit,) = read_user_units(rescale / "my_map.yaml").values()

    def run(name: str, unit: UserUnit) -> Outcome:
        (result,) = run_benches(
            rescale / "set", require(Simulator.ICARUS), users={name: unit}, rtl=[tmp_path / "rescale.v"]
        )
        return result.outcome

    assert run("mac_result", unit) is Outcome.PASSED
    for latency in (0, 1):
        assert run("mac_result", unit.replace(latency=latency)) is Outcome.FAILED
    with pytest.raises(InputError, match="none of these units; found 'rescale'; allowed: mac_result"):
        run("rescale", unit)
    swapped = {**unit.ports, "field_shift": "inv_sh", "field_inverse_shift": "sh"}
    with pytest.raises(CheckFailed, match=r"inv_sh has 4 bits, the unit's has 6"):
        run("mac_result", unit.replace(ports=swapped))
