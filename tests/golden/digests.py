"""What `digests.json` holds, and how it is made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import npusim
from npusim.datapath import load_datapath, preset_names
from npusim.datapath.load import change_datapath
from npusim.datapath.model import Datapath
from npusim.files.digest import array_digest
from npusim.spec import ARITHMETIC_VERSION
from npusim.steps.mac import MacStep
from tests.golden import programs

PATH = Path(__file__).parent / "digests.json"

Digests = dict[str, dict[str, str]]


def datapaths() -> dict[str, Datapath]:
    """Every preset like wes_npu, and some with narrow accumulators, where order and overflow count.

    Not those whose multiplier reads digits of activations: no mac step runs on them.
    """
    found = {name: load_datapath(name) for name in preset_names() if name.startswith("wes_npu")}
    found = {name: one for name, one in found.items() if one.operand == one.activation.register}
    wes = found["wes_npu"]
    narrow = {"mac.accumulator.bits": 17, "mac.bias.bits": 17}
    found["saturating at 17 bits"] = change_datapath(wes, {**narrow, "mac.lanes": 2}, "narrow")
    found["wrapping at 17 bits"] = change_datapath(
        wes, {**narrow, "mac.accumulator.overflow": "wrap"}, "narrow"
    )
    found["a tree of 15 bits"] = change_datapath(wes, {"mac.tree": {"bits": 15, "overflow": "wrap"}}, "tree")
    found["a late bias"] = change_datapath(wes, {**narrow, "mac.bias.place": "late"}, "late")
    return found


def digests_of(datapath: Datapath) -> dict[str, str]:
    """Digests of every step's output and of every accumulator, as int64."""
    program = programs.program(datapath)
    taps = [f"{step.name}:output" for step in program.steps]
    taps += [f"{step.name}:accumulator" for step in program.steps if isinstance(step, MacStep)]
    result = npusim.simulate(program, programs.inputs(datapath), taps=taps)
    return {
        f"{step}:{point}": array_digest(tensor.astype(np.int64))
        for step, points in sorted(result.taps.items())
        for point, tensor in sorted(points.items())
    }


def text() -> str:
    """The file as it must stand on disk."""
    digests: Digests = {name: digests_of(datapath) for name, datapath in datapaths().items()}
    return json.dumps({"arithmetic_version": ARITHMETIC_VERSION, "digests": digests}, indent=1) + "\n"
