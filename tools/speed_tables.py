"""The tables of the speed report, each one measured when it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import npusim
from npusim.kernels.isa import VARIABLE
from npusim.layers.conv2d import Conv2d
from npusim.network import Network, NetworkInput
from npusim.prepared import prepared
from tools.speed_field import COUNTING, OURS, REFERENCE, Contender, Field
from tools.timing import Ratio, Seconds, best, table, turns

Array = npt.NDArray[Any]


def contenders(field: Field, seconds: Seconds) -> list[str]:
    """Who is how fast, as ratios to npusim."""
    rows: list[list[Any]] = []
    for each in field.contenders:
        found = seconds[each.name]
        ratio = "1" if each.name == OURS else str(Ratio.of(found, seconds[OURS][: found.size]))
        rows.append(
            [each.name, f"{1e3 * found.min():.2f}", f"{1e3 * np.median(found):.2f}", ratio, each.bits]
        )
    head = ["one image, one thread", "best, ms", "median, ms", "times npusim's (quartiles)", "npusim's bits"]
    return table(head, rows)


def measure(field: Field, repetitions: int) -> Seconds:
    """Seconds of all contenders; slow ones and those in other processes are run less often."""
    inside = [each for each in field.contenders if each.outside is None]
    quick = {each.name for each in inside if _is_quick(each)}
    seconds = turns({each.name: each.run for each in inside if each.name in quick}, repetitions)
    seconds |= turns({each.name: each.run for each in inside if each.name not in quick}, 3)
    return seconds | {
        each.name: np.array([each.outside() for _ in range(3)])
        for each in field.contenders
        if each.outside is not None
    }


def _is_quick(each: Contender) -> bool:
    each.run()  # compiles what there is to compile
    start = time.process_time()
    each.run()
    return time.process_time() - start < 0.5


def threads(program: npusim.Program, images: dict[str, Array], repetitions: int) -> list[str]:
    """One and two threads."""
    simulator = npusim.Simulator(program)
    rows = []
    for batch in (1, 8):
        given = {name: codes[:batch] for name, codes in images.items()}
        runs = {str(n): (lambda n=n, given=given: simulator.run(given, threads=n)) for n in (1, 2)}  # type: ignore[misc]
        found = turns(runs, repetitions, time.perf_counter)
        ratio = Ratio.of(found["1"], found["2"])
        single, double = (1e3 * np.median(found[n]) for n in ("1", "2"))
        rows.append([f"batch {batch}, two threads", f"{single:.2f}", f"{double:.2f}", ratio])
    return table(["wall time", "one, ms", "two, ms", "times as fast (quartiles)"], rows)


def processes() -> list[str]:
    """How much two processors of this machine are worth: nothing is shared, hardly any memory is touched."""
    one, two = (min(_processes(count) for _ in range(3)) for count in (1, 2))
    rows = [["dot products", f"{1e3 * one:.0f}", f"{1e3 * two:.0f}", f"{2 * one / two:.2f}"]]
    return table(["wall time", "one process, ms", "two, ms", "times as fast"], rows)


_SPIN = """
import sys, time
from tools import peak
macs, run = peak.bytes_work()
run(); print(flush=True); sys.stdin.readline()
start = time.perf_counter()
for _ in range(60): run()
print(time.perf_counter() - start, flush=True)
"""


def _processes(count: int) -> float:
    """Seconds until so many processes have done the same work, which touches no memory to speak of."""
    root = Path(__file__).parent.parent
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _SPIN], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    pipes = [(each.stdin, each.stdout) for each in started]
    for _, out in pipes:
        assert out is not None
        out.readline()
    for into, _ in pipes:
        assert into is not None
        into.write("\n")
        into.flush()
    return max(float(out.readline()) for _, out in pipes if out is not None)


def batches(program: npusim.Program, images: dict[str, Array], repetitions: int) -> list[str]:
    """Microseconds an image by batch."""
    simulator, runs = npusim.Simulator(program), {}
    for batch in (1, 2, 4, 8, 16):
        given = {name: codes[:batch] for name, codes in images.items()}
        runs[str(batch)] = lambda given=given: simulator.run(given, threads=1)
    found = turns(runs, repetitions)
    rows = [[batch, f"{1e3 * seconds.min() / int(batch):.2f}"] for batch, seconds in found.items()]
    return table(["batch", "best, ms an image"], rows)


def sizes(repetitions: int) -> tuple[list[str], list[dict[str, Any]]]:
    """A 3x3 and a 1x1 convolution by image size and channels; and the points of a plot."""
    rows, points = [], []
    for kernel in (1, 3):
        for side, channels in (
            (7, 64),
            (14, 64),
            (28, 64),
            (56, 64),
            (112, 64),
            (14, 16),
            (14, 32),
            (14, 128),
            (14, 256),
            (14, 512),
        ):
            program = _one_layer(kernel, side, channels)
            schedule = prepared(program, program.datapath).schedule
            space = schedule.workspace()
            seconds = best(lambda: schedule.compute(0, space), repetitions)  # noqa: B023
            rate = program.macs / seconds / 1e9
            rows.append([f"{kernel}x{kernel}", side, channels, f"{1e6 * seconds:.0f}", f"{rate:.0f}"])
            points.append({"kernel": kernel, "side": side, "channels": channels, "rate": rate})
    return table(["kernel", "image side", "channels", "us", "GMAC/s"], rows), points


def _one_layer(kernel: int, side: int, channels: int) -> npusim.Program:
    random = np.random.default_rng(0)
    pad = kernel // 2
    weights = random.normal(size=(channels, kernel, kernel, channels))
    layer = Conv2d(name="y", inputs=("x",), weights=weights, padding=((pad, pad), (pad, pad)))
    shape = (side, side, channels)
    network = Network(
        name="one", inputs=(NetworkInput(name="x", shape=shape),), layers=(layer,), outputs=("y",)
    )
    data = random.normal(size=(2, *shape))
    return npusim.compile(network, "wes_npu", recipe="layerwise", calibration=data)


def other_sets(name: str, sets: tuple[str, ...]) -> list[str]:
    """The same network with an instruction set forced, each in a process of its own."""
    rows = []
    for each in sets:
        command = [sys.executable, __file__.replace("speed_tables", "benchmark"), "--measure", name]
        done = subprocess.run(
            command, env={**os.environ, VARIABLE: each}, capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        seconds = {label: np.array(values) for label, values in found.items()}
        row = [each, f"{1e3 * seconds[OURS].min():.2f}", Ratio.of(seconds[COUNTING], seconds[OURS])]
        row.append(str(Ratio.of(seconds[REFERENCE], seconds[OURS])) if REFERENCE in seconds else "")
        rows.append(row)
    return table(["instruction set", "best, ms", "with events, times", f"{REFERENCE}, times"], rows)
