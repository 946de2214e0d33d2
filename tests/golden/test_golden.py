"""Golden digests: bits change only with `arithmetic_version`, and they are the spec's bits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from npusim.files.digest import array_digest
from npusim.spec import ARITHMETIC_VERSION
from tests.golden import programs
from tests.golden.digests import PATH, datapaths, digests_of
from tests.golden.regenerate import changed
from tests.simulator.spec_network import spec_network

KEPT = json.loads(PATH.read_text(encoding="utf-8"))
DATAPATHS = datapaths()


def test_the_file_is_of_this_arithmetic_and_of_every_datapath() -> None:
    assert KEPT["arithmetic_version"] == ARITHMETIC_VERSION
    assert KEPT["digests"].keys() == DATAPATHS.keys()


@pytest.mark.parametrize("name", DATAPATHS)
def test_the_simulators_bits_are_those_kept(name: str) -> None:
    assert digests_of(DATAPATHS[name]) == KEPT["digests"][name]


@pytest.mark.parametrize("name", DATAPATHS)
def test_the_specs_bits_are_those_kept(name: str) -> None:
    datapath = DATAPATHS[name]
    program = programs.program(datapath)
    runs = [spec_network(program, {"x": image}) for image in programs.inputs(datapath)]
    made = {f"{step.name}:output": np.stack([r.tensors[step.output] for r in runs]) for step in program.steps}
    for mac in runs[0].accumulators:
        made[f"{mac}:accumulator"] = np.stack([r.accumulators[mac] for r in runs])
    assert {key: array_digest(values) for key, values in sorted(made.items())} == KEPT["digests"][name]


def test_datapaths_differ_in_their_bits() -> None:
    """Otherwise a digest would guard nothing that its base does not guard."""
    alike: dict[str, list[str]] = {}
    for name, digests in KEPT["digests"].items():
        alike.setdefault(json.dumps(digests), []).append(name)
    groups = [names for names in alike.values() if len(names) > 1]
    assert groups == []


def test_bits_cannot_be_regenerated_away() -> None:
    new = json.loads(json.dumps(KEPT))
    new["digests"]["wes_npu"]["conv:output"] = "0" * 64
    assert changed(json.dumps(KEPT), json.dumps(new)) == ["wes_npu, conv:output"]
    new["arithmetic_version"] += 1
    assert changed(json.dumps(KEPT), json.dumps(new)) == []
    del new["digests"]["wes_npu"]
    new["arithmetic_version"] -= 1
    assert changed(json.dumps(KEPT), json.dumps(new)) != []
    assert changed(json.dumps({**KEPT, "digests": {}}), json.dumps(KEPT)) == []
