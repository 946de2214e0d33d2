"""How much memory a run takes: a workspace beside its tensors, and a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import npusim
from npusim.prepared import prepared
from npusim.steps.executors.workspace import size_of

_CHILD = """
import json, sys
import numpy as np
import npusim

def kilobytes(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))

program = npusim.load_program(sys.argv[1])
kinds = {name: program.tensors[name] for name in program.input_names}
image = {name: np.full((1, *kind.shape), kind.codes.interval.low, kind.dtype) for name, kind in kinds.items()}
simulator, found = npusim.Simulator(program), [kilobytes("VmRSS")]
for runs in (1, 20):
    for _ in range(runs):
        simulator.run(image, threads=1)
    found.append(kilobytes("VmHWM"))
print(json.dumps(found))
"""


def memory(program: npusim.Program) -> list[str]:
    """A workspace beside the tensors it holds; what a process holds at most."""
    space = prepared(program, program.datapath).schedule.workspace()
    pair = max(
        sum(size_of(program.tensors[name]) for name in (*step.inputs, step.output)) for step in program.steps
    )
    every = sum(size_of(kind) for kind in program.tensors.values())
    beside = (
        f"Memory of a thread's workspace, scratch included: {space.nbytes / 1e6:.2f} MB; the largest pair of "
        f"tensors takes {pair / 1e6:.2f} MB ({space.nbytes / pair:.2f} times), all tensors {every / 1e6:.1f}."
    )
    if not Path("/proc/self/status").exists():
        return [beside]
    loaded, first, later = (f"{kilobytes / 1e3:.0f}" for kilobytes in _resident(program))
    process = (
        f"A process of its own holds {loaded} MB with the program loaded, at most {first} MB until its first "
        f"image is done (numba and compiled kernels come to it), {later} MB until 20 more are."
    )
    return [beside, "", process]


def _resident(program: npusim.Program) -> list[int]:
    """Kilobytes resident: before the first run; the most until it ended, and until 20 more ended."""
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "program.yaml"
        program.save(path)
        command = [sys.executable, "-c", _CHILD, str(path)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found: list[int] = json.loads(done.stdout.splitlines()[-1])
    return found
