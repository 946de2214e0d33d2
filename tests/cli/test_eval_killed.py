"""`npusim eval -o` in a process of its own, ended from outside twice, then run to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from npusim.files.data import save_data
from tests.cli.run import Cli
from tests.compiler.networks import images

PIECES = 60
EVAL = ("eval", "net.yaml", "prog.yaml", "--data", "many.h5", "--layers", "0", "--no-cache", "--json")
# What a shell starts in the background ignores Ctrl-C, and so would what these tests start.
HEEDING = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('npusim', run_name='__main__')"
)
COMMAND = [sys.executable, "-c", HEEDING, *EVAL, "-o", "out"]


def finished(parts: Path) -> dict[str, int]:
    """Finished pieces, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in parts.glob("[!.]*.npz")}


def end_it(sent: signal.Signals, parts: Path) -> tuple[int, bytes, bytes]:
    """Start the command, send it a signal after one more piece."""
    before = len(finished(parts))
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while len(finished(parts)) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(sent)
        out, said = process.communicate(timeout=60)
    return process.returncode, out, said


def test_a_run_that_was_ended_goes_on(cli: Cli, folder: Path) -> None:
    save_data("many.h5", {"images": images(64 * PIECES)})
    parts = folder / "out" / "parts"
    interrupted = end_it(signal.SIGINT, parts)
    assert interrupted == (130, b"", b"npusim: interrupted; finished files are kept\n")
    first = finished(parts)
    code, out, _ = end_it(signal.SIGKILL, parts)
    assert (code, out) == (-signal.SIGKILL, b"")
    second = finished(parts)
    assert 0 < len(first) < len(second) < PIECES
    assert not (folder / "out" / "evaluation.json").exists()

    done = subprocess.run(COMMAND, capture_output=True, check=True)
    assert json.loads(done.stdout) == cli(*EVAL).json
    last = finished(parts)
    assert len(last) == PIECES  # nothing lost, nothing twice
    assert first.items() <= second.items() <= last.items()
