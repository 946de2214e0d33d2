"""A reader that goes away, as `head` does, ends a command quietly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run_without_reader(*arguments: str) -> tuple[int, bytes]:
    """Run a command whose output pipe is closed before it writes."""
    command = [sys.executable, "-m", "npusim", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        return process.wait(timeout=60), said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("datapath", "list"),
        ("datapath", "sv", "wes_npu"),
        ("datapath", "list", "--json"),
    ],
    ids=" ".join,
)
def test_a_reader_that_left(arguments: tuple[str, ...]) -> None:
    assert run_without_reader(*arguments) == (141, b"")


def test_head() -> None:
    command = f"set -o pipefail; {sys.executable} -m npusim datapath show wes_npu | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in {0, 141}
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [("datapath", "list"), ("--version",), ("vectors", "--datapath", "gemmini_os", "--unit", "rescale")],
)
def test_a_full_disk(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "npusim", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, b"npusim: cannot be written: No space left on device\n")


def test_standard_input_that_is_closed() -> None:
    command = f"{sys.executable} -m npusim vectors verify <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "npusim: SET: standard input is closed\n")


def test_bad_input_keeps_its_code() -> None:
    code, said = run_without_reader("datapath", "show", "wes")
    assert code == 2
    assert said.startswith(b"npusim: no such datapath")
