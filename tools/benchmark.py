"""Speed side by side, in one run: npusim, TFLite, XNNPACK, onnxruntime, TOSA, NumPy; one image, one thread.

    NPUSIM_ZOO=... [NPUSIM_TOSA_PYTHON=...] python tools/benchmark.py [-o speed.md] [--plot speed.svg]

All contenders take turns, so that they meet the same machine; a ratio is taken within each turn, and its
median and quartiles are reported. What runs on one thread is timed by the process's processor time, which
other users of the machine hardly change. Needs the extras ``oracles`` and ``plots``.
"""

from __future__ import annotations

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # before NumPy

import argparse
import json
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from npusim.files.atomic import atomic_path, write_text
from npusim.kernels import isa
from tools import contenders, ordered_speed, peak, speed_memory, speed_steps, speed_tables
from tools.speed_field import OURS
from tools.timing import Ratio, turns

NAMES = (*contenders.FLOAT_NETWORKS, *contenders.TFLITE_MODELS)


@dataclass
class Report:
    """What has been measured."""

    lines: list[str] = field(default_factory=list)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    roofline: list[dict[str, Any]] = field(default_factory=list)
    sizes: list[dict[str, Any]] = field(default_factory=list)
    peaks: peak.Peaks = field(default_factory=peak.measure)

    def section(self, title: str, lines: list[str], level: int = 3) -> None:
        """Add a headline with what belongs to it."""
        self.lines += ["", "#" * level + " " + title, "", *lines]


def machine(peaks: peak.Peaks) -> str:
    """In a few sentences."""
    measured = ", ".join(f"{name} {value:.0f} GMAC/s" for name, value in peaks.macs.items())
    codes = "; ".join(
        f"{value:.1f} billion sums a second become codes in form {form.name}"
        for form, value in peaks.codes.items()
    )
    return (
        f"Machine: {_processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} when the run "
        f"began; Python {platform.python_version()}; instruction set {isa.selected().value}. One core's "
        f"measured peaks: {measured}{'; ' if codes else ''}{codes}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    values = {key.strip(): value.strip() for key, value in known.items()}
    name = values.get("model name", platform.machine())
    return f"{name} (family {values.get('cpu family')}, model {values.get('model')})"


def network(report: Report, name: str, repetitions: int) -> None:
    """All that is measured of one network."""
    found = contenders.field(name)
    seconds = speed_tables.measure(found, repetitions)
    ours = seconds[OURS]
    report.ratios[found.name] = {
        each.name: Ratio.of(seconds[each.name], ours[: seconds[each.name].size]).median
        for each in found.contenders[1:]
    }
    macs = f"{found.program.macs / 1e6:.0f} million multiply-accumulates."
    report.section(found.name, [macs, "", *speed_tables.contenders(found, seconds)], 2)
    report.section("Threads", speed_tables.threads(found.program, found.images, repetitions))
    report.section("Batches", speed_tables.batches(found.program, found.images, repetitions))
    if isa.selected() is not isa.InstructionSet.AVX2 and isa.InstructionSet.AVX2 in isa.available():
        report.section("AVX2 forced", speed_tables.other_sets(name, ("avx2",)))
    report.section("Memory", speed_memory.memory(found.program))
    lines, points = speed_steps.layers(found.program, repetitions, report.peaks, found.contenders)
    report.section("Steps", lines)
    report.roofline += points


def measured(name: str, repetitions: int) -> str:
    """Seconds of npusim and of the reference kernels, as JSON: for another instruction set's process."""
    runs = {each.name: each.run for each in contenders.few(name)}
    return json.dumps({label: found.tolist() for label, found in turns(runs, repetitions).items()})


def full(names: list[str], repetitions: int) -> Report:
    """Everything."""
    report = Report()
    report.lines = [machine(report.peaks)]
    for name in names:
        network(report, name, repetitions)
    report.section("What two processes gain that share nothing", speed_tables.processes(), 2)
    report.section("The ordered accumulator", ordered_speed.rates(max(3, repetitions // 10)), 2)
    lines, report.sizes = speed_tables.sizes(repetitions)
    report.section("One convolution by size", lines, 2)
    return report


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, help="also write the Markdown here")
    parser.add_argument("--plot", type=Path, help="write a plot here, SVG")
    parser.add_argument("--network", action="append", choices=NAMES, help=f"default: {', '.join(NAMES)}")
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--measure", choices=NAMES, help="print the seconds of one network alone, as JSON")
    options = parser.parse_args()
    if options.measure is not None:
        print(measured(options.measure, options.repetitions))
        return
    report = full(options.network or list(NAMES), options.repetitions)
    text = "\n".join(report.lines) + "\n"
    print(text)
    if options.output is not None:
        write_text(options.output, text)
    if options.plot is not None:
        from tools import speed_plot

        with atomic_path(options.plot) as temporary:
            speed_plot.draw(temporary, report.ratios, report.roofline, report.sizes, report.peaks.macs)


if __name__ == "__main__":
    main()
