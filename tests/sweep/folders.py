"""A folder with a small network, its data, and a sweep over it."""

from __future__ import annotations

from pathlib import Path

from npusim.files.data import save_data
from npusim.sweep.load import SweepFile, load_sweep
from tests.cli.files import LABELS, NETWORK
from tests.compiler.networks import images

SWEEP = """\
format: npusim-sweep-1
name: small
title: Accumulators and roundings
networks: [net.yaml]
data: [x.h5]
calibration: cal.h5
set:
  datapath:
    mac.bias: {bits: 32, place: late}
axes:
  bits:
    datapath: mac.accumulator.bits
    values: [14, 16, 32]
  rounding:
    datapath: "pipelines.mac.result[1].rounding"
    values: [floor, half_up]
"""


def write_folder(folder: Path, text: str = SWEEP) -> Path:
    """net.yaml, x.h5 (images and labels), cal.h5, sweep.yaml; returns the last one's path."""
    folder.mkdir(exist_ok=True)
    NETWORK.save(folder / "net.yaml")
    save_data(folder / "x.h5", {"images": images(), "labels": LABELS})
    save_data(folder / "cal.h5", {"images": images(8)})
    (folder / "sweep.yaml").write_text(text)
    return folder / "sweep.yaml"


def sweep(folder: Path, text: str = SWEEP) -> SweepFile:
    """That sweep, loaded."""
    return load_sweep(write_folder(folder, text))
