"""One self-contained HTML page about a program: proofs, events, noise, weights, comparisons, sweeps."""

from __future__ import annotations

from npusim.report.facts import FileFact, Report, Subject
from npusim.report.gather import Watcher, make_report
from npusim.report.page import render
from npusim.report.sweeps import SweepResults, load_sweep

__all__ = [
    "FileFact",
    "Report",
    "Subject",
    "SweepResults",
    "Watcher",
    "load_sweep",
    "make_report",
    "render",
]
