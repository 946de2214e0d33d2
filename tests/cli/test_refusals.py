"""Bad usage and bad files through the command line: exit code 2, one message, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import npusim
from npusim.cli import main
from npusim.files.data import save_data
from tests.cli.files import NETWORK
from tests.cli.run import Cli
from tests.cli.test_bad_networks import MISTAKES as BAD_NETWORKS
from tests.cli.test_bad_programs import MISTAKES as BAD_PROGRAMS
from tests.compiler.networks import images
from tests.simulator.programs import batch, two_inputs

RUN = ("run", "prog.yaml", "--input", "x.h5", "-o", "out.h5")
COMPILE = ("compile", "net.yaml", "-o", "out.yaml")
VECTORS = ("vectors", "prog.yaml", "--input", "x.h5", "-o", "out")
EVAL = ("eval", "net.yaml", "prog.yaml", "--data", "x.h5")

USAGE = [
    (("foo",), "No such command 'foo'"),
    (("--foo",), "No such option"),
    (("compile",), "Missing argument"),
    (("compile", "net.yaml"), "Missing option '-o'"),
    ((*COMPILE, "--images", "0"), "greater than or equal to 1"),
    ((*COMPILE, "--images", "many"), "--images"),
    (("run", "prog.yaml", "-o", "out.h5"), "Missing option '--input'"),
    ((*RUN, "--threads", "0"), "greater than or equal to 1"),
    (("eval", "net.yaml", "prog.yaml"), "Missing option '--data'"),
    (("datapath", "show"), "Missing argument"),
    (("program", "seal"), "Missing argument"),
]

REFUSED = [
    ((*COMPILE, "--recipe", "was"), "no such recipe; found 'was'; allowed: did you mean 'wes'?"),
    ((*COMPILE, "--recipe", "no.yaml"), "no.yaml: file not found"),
    (
        (*COMPILE, "--datapath", "wes_np"),
        "no such datapath; found 'wes_np'; allowed: did you mean 'wes_npu'?",
    ),
    ((*COMPILE, "--datapath", "no.yaml"), "no.yaml: file not found"),
    ((*COMPILE, "--calibration", "no.h5"), "no.h5: file not found"),
    ((*COMPILE, "--calibration", "small.h5"), "the samples do not fit the network's input; found [5, 6, 3]"),
    ((*COMPILE, "--calibration", "net.yaml"), "net.yaml: not a readable HDF5 file"),
    (("compile", "no.yaml", "-o", "out.yaml"), "no.yaml: file not found"),
    (("compile", "prog.yaml", "-o", "out.yaml"), "format: unknown value"),
    (("compile", "net.yaml", "-o", "nowhere/out.yaml"), "its folder does not exist"),
    (("compile", "net.yaml", "-o", "."), "is a folder"),
    (("compile", "net.yaml", "-o", "net.yaml"), "would replace what is read"),
    (("compile", "net.yaml", "-o", "net.yml"), "would replace what is read"),
    (("run", "prog.yaml", "--input", "x.h5", "-o", "x.h5"), "would replace what is read"),
    (("run", "prog.yaml", "--input", "x.h5", "-o", "prog.h5"), "would replace what is read"),
    (("run", "prog.yaml", "--input", "x.h5", "-o", "out.txt"), "allowed: .h5, .npz"),
    (("run", "net.yaml", "--input", "x.h5", "-o", "out.h5"), "found 'npusim-network-1'"),
    (("run", "prog.yaml", "--input", "no.h5", "-o", "out.h5"), "no.h5: file not found"),
    (("run", "prog.yaml", "--input", "small.h5", "-o", "out.h5"), "the input x has the wrong shape"),
    (("run", "prog.yaml", "--input", "nan.h5", "-o", "out.h5"), "nan.h5: images: not finite"),
    (("run", "prog.yaml", "--input", "none.h5", "-o", "out.h5"), "allowed: one of images, inputs, features"),
    (("run", "two.yaml", "--input", "x.h5", "-o", "out.h5"), "several inputs"),
    ((*RUN, "--taps", "foo"), "no step of this name to tap; found 'foo'; allowed: conv, relu"),
    ((*RUN, "--taps", "con"), "no step of this name to tap (did you mean 'conv'?)"),
    ((*RUN, "--taps", "conv:acumulator"), "no such tap (did you mean 'accumulator'?)"),
    ((*RUN, "--taps", "conv:foo"), "no such tap; found 'foo'; allowed: accumulator"),
    ((*RUN, "--statistics", "all"), "allowed: False, True, off, events, prefix"),
    ((*RUN, "--datapath", "wes_npu_inverse0"), "steps[0].fields.inverse_shift: does not fit"),
    ((*VECTORS, "--format", "foo"), "--format: no such choice; found 'foo'; allowed: hex, text, bin"),
    ((*VECTORS, "--step", "foo"), "no step of this name; found 'foo'"),
    (("eval", "two_net.yaml", "prog.yaml", "--data", "x.h5"), "reads other inputs than the network"),
    (("eval", "two_net.yaml", "two.yaml", "--data", "x.h5"), "only programs of one input"),
    (("eval", "other.yaml", "prog.yaml", "--data", "x.h5"), "has another shape than the network's"),
    (("eval", "stem.yaml", "prog.yaml", "--data", "x.h5"), "no output like the program's; found 'head'"),
    ((*EVAL, "--data", "no.h5"), "no.h5: file not found"),
    (("datapath", "show", "wes"), "no such datapath; found 'wes'"),
    (("datapath", "sv", "net.yaml"), "net.yaml"),
    (("program", "seal", "net.yaml"), "found 'npusim-network-1'"),
    (("program", "seal", "no.yaml"), "no.yaml: file not found"),
    (("import", "no.onnx", "-o", "out.yaml"), "no.onnx"),
    (("import", "x.h5", "-o", "out.yaml", "--mean", "a,b"), "--mean: not a list of numbers; found 'a,b'"),
    (("demo", "-o", "out", "--datapath", "foo"), "no such datapath; found 'foo'"),
]


@pytest.fixture
def more(folder: Path) -> Path:
    """Files that do not go together."""
    save_data(folder / "small.h5", {"images": images(2, (5, 6, 3))})
    save_data(folder / "nan.h5", {"images": np.full((1, 6, 6, 3), np.nan)})
    save_data(folder / "none.h5", {"pictures": images()})
    two_inputs().save(folder / "two_net.yaml")
    npusim.compile(two_inputs(), "wes_npu", "wes", batch(1)).save(folder / "two.yaml")
    conv, *rest = NETWORK.layers
    strided = conv.replace(stride=(2, 2))
    NETWORK.replace(layers=(strided, *rest)).save(folder / "other.yaml")
    NETWORK.replace(layers=(conv,), outputs=("conv",)).save(folder / "stem.yaml")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".npusim.lock"
    }


@pytest.mark.parametrize(
    ("arguments", "says"), USAGE, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_usage(cli: Cli, folder: Path, arguments: tuple[str, ...], says: str) -> None:
    before = content(folder)
    assert says in cli.refused(*arguments)
    assert content(folder) == before


@pytest.mark.parametrize(
    ("arguments", "says"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_refusals(cli: Cli, more: Path, arguments: tuple[str, ...], says: str) -> None:
    before = content(more)
    message = cli.refused(*arguments)
    assert says in message
    assert content(more) == before


@pytest.mark.parametrize(
    "name", ["typo in a key", "cycle", "missing array", "path escape", "a groups that does not divide"]
)
def test_bad_networks(cli: Cli, folder: Path, name: str) -> None:
    mistake = BAD_NETWORKS[name]
    mistake.make(folder / "net.yaml")
    before = content(folder)
    for command in (COMPILE, EVAL):
        message = cli.refused(*command)
        assert message.startswith("npusim: net.yaml:")
        assert f": {mistake.key}: " in message
        assert mistake.says in message
    assert content(folder) == before


@pytest.mark.parametrize(
    "name", ["shift outside its field", "bias out of range", "no digest", "zero scale", "cycle"]
)
def test_bad_programs(cli: Cli, folder: Path, name: str) -> None:
    mistake = BAD_PROGRAMS[name]
    mistake.make(folder / "prog.yaml")
    before = content(folder)
    for command in (RUN, EVAL, VECTORS):
        message = cli.refused(*command)
        assert message.startswith("npusim: prog.yaml:")
        assert f": {mistake.key}: " in message
        assert mistake.says in message
    assert content(folder) == before


def test_an_interrupted_command_says_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("npusim.cli.doctor._examine", interrupted)
    done = cli("doctor")
    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err


def test_main_is_the_command() -> None:
    assert main.__module__ == "npusim.cli"


def test_as_a_process(folder: Path) -> None:
    """Once for real: nothing on stderr when piped; errors are one line."""
    command = [sys.executable, "-m", "npusim"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, env=environment, timeout=120, check=False
        )

    good = run(*RUN, "--json")
    assert (good.returncode, good.stderr) == (0, "")
    bad = run("run", "prog.yaml", "--input", "no.h5", "-o", "other.h5")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "npusim: no.h5: file not found\n"
    assert not (folder / "other.h5").exists()
