"""``npusim report``: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import npusim
from npusim.files.data import save_data
from tests.cli.conftest import cli, folder
from tests.cli.files import NETWORK
from tests.cli.run import Cli
from tests.compiler.networks import images

__all__ = ["cli", "folder"]

WHOLE = ("report", "prog.yaml", "--network", "net.yaml", "--data", "x.h5", "-o", "out.html")


def test_the_same_inputs_make_the_same_file_wherever_they_lie(cli: Cli, folder: Path) -> None:
    assert cli(*WHOLE).code == 0
    first = (folder / "out.html").read_bytes()
    other = folder / "elsewhere"
    other.mkdir()
    for name in ("prog.yaml", "prog.h5", "net.yaml", "net.h5", "x.h5"):
        if (folder / name).exists():
            (other / name).write_bytes((folder / name).read_bytes())
    paths = [f"elsewhere/{word}" if word.endswith((".yaml", ".h5")) else word for word in WHOLE]
    assert cli(*paths, "--threads", 1).code == 0
    assert (folder / "out.html").read_bytes() == first
    assert str(folder).encode() not in first


def test_json_says_what_was_written(cli: Cli, folder: Path) -> None:
    done = cli(*WHOLE, "--json", "--limit", 3)
    assert done.json == {"output": "out.html", "bytes": (folder / "out.html").stat().st_size, "images": 3}


def test_files_are_named_with_their_digests(cli: Cli, folder: Path) -> None:
    from npusim.files.digest import file_digest

    assert cli(*WHOLE).code == 0
    page = (folder / "out.html").read_text()
    for name in ("prog.yaml", "net.yaml", "x.h5"):
        assert f"<b>{name}</b>" in page
        assert file_digest(folder / name) in page


def test_programs_are_compared(cli: Cli, folder: Path) -> None:
    npusim.compile(NETWORK, "wes_npu", "layerwise", images()).save(folder / "flat.yaml")
    assert cli(*WHOLE, "--compare", "flat.yaml").code == 0
    page = (folder / "out.html").read_text()
    assert 'id="comparison"' in page
    assert "<b>flat</b>" in page


def test_a_program_alone_is_enough(cli: Cli, folder: Path) -> None:
    done = cli("report", "prog.yaml", "-o", "out.html")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("out.html: ")


def test_nothing_is_written_where_something_is_wrong(cli: Cli, folder: Path) -> None:
    save_data(folder / "other.h5", {"images": images(2, (4, 4, 3))})
    assert "[4, 4, 3]" in cli.refused(*WHOLE[:5], "other.h5", "-o", "out.html")
    assert "no/out.html" in cli.refused("report", "prog.yaml", "-o", "no/out.html")
    assert "prog.yaml" in cli.refused("report", "prog.yaml", "-o", "prog.yaml")
    assert "results.csv" in cli.refused("report", "prog.yaml", "--sweep", ".", "-o", "out.html")
    assert not (folder / "out.html").exists()
