"""``npusim sensitivity``: a table for people, numbers for scripts."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

import npusim
from npusim.cli.app import app
from npusim.demo import bundled


def test_it_ranks_the_steps(tmp_path: Path) -> None:
    network = bundled("digits_rescaled.yaml")
    program = tmp_path / "p.yaml"
    npusim.compile(npusim.load_network(network), "wes_npu", "wes").save(program)
    arguments = [
        "sensitivity",
        str(network),
        str(program),
        "--data",
        str(bundled("digits_test.h5")),
        "--images",
        "4",
    ]
    printed = CliRunner().invoke(app, arguments)
    assert printed.exit_code == 0, printed.output
    assert "of all" in printed.output
    assert "an SQNR of" in printed.output
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)["shares"]
    assert [share["step"] for share in found][-1] == "(output codes)"
    assert len(found) == len(npusim.load_program(program).steps) + 1
