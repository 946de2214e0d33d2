"""Memory of a run without taps: tensors share buffers."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import npusim
from npusim.demo import BUNDLED, bundled, load_images
from npusim.prepared import prepared
from npusim.program import Program
from npusim.simulator import Simulator
from npusim.steps.executors.workspace import Use, place, size_of
from tests.simulator.programs import batch, compiled


def _largest_pair(program: Program) -> int:
    """Bytes of a step's inputs and output, the most of any step."""
    return max(
        sum(size_of(program.tensors[name]) for name in (*step.inputs, step.output)) for step in program.steps
    )


HEAD = 1 << 16
"""Sums of a panel and offsets of its patches, whatever the network."""


@pytest.mark.parametrize("name", BUNDLED)
def test_twice_the_largest_pair_of_tensors_is_enough(name: str) -> None:
    calibration, _ = load_images("digits_calibration.h5")
    program = npusim.compile(npusim.load_network(bundled(f"{name}.yaml")), "wes_npu", "wes", calibration)
    simulator = Simulator(program)
    simulator.run(calibration[:5], threads=2)
    spaces = prepared(simulator.program, simulator.datapath).spaces
    assert 1 <= len(spaces) <= 2  # one a thread, used again
    for space in spaces:
        assert space.nbytes <= 2 * _largest_pair(program) + HEAD
    every = sum(size_of(kind) for kind in program.tensors.values())
    assert _largest_pair(program) < every / 2  # or the test would say little


def test_workspaces_are_used_again() -> None:
    simulator = Simulator(compiled())
    simulator.run(batch(2), threads=1)
    held = len(prepared(simulator.program, simulator.datapath).spaces)  # of this and of other tests' threads
    for _ in range(3):
        simulator.run(batch(2), threads=1, statistics=True)
    assert len(prepared(simulator.program, simulator.datapath).spaces) == held


def test_buffers_begin_where_cache_lines_do() -> None:
    program = compiled()
    space = prepared(program, program.datapath).schedule.workspace()
    assert all(tensor.ctypes.data % 64 == 0 for tensor in space.tensors.values())
    assert all(space.scratch(thread).ctypes.data % 64 == 0 for thread in range(5))


def test_no_two_living_tensors_share_a_buffer() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        names = ["x", *(f"t{i}" for i in range(8))]
        uses: list[Use] = []
        for i in range(8):
            inputs = tuple(
                random.choice(names[: i + 1], random.integers(1, min(i + 1, 3) + 1), replace=False)
            )
            uses.append((inputs, f"t{i}"))
        kind = compiled().tensors["a"]
        tensors = {name: kind.model_copy(update={"shape": (int(random.integers(1, 50)),)}) for name in names}
        outputs = ("t7", str(random.choice(names[1:])))
        slots, sizes = place(uses, tensors, ("x",), outputs)
        last = {name: index for index, (read, _) in enumerate(uses) for name in read}
        born = {"x": -1, **{made: index for index, (_, made) in enumerate(uses)}}
        for name in outputs:
            last[name] = len(uses)
        for one in names:
            assert sizes[slots[one].buffer] >= prod(tensors[one].shape)
            for other in names:
                if one != other and slots[one].buffer == slots[other].buffer:
                    apart = last.get(one, born[one]) < born[other] or last.get(other, born[other]) < born[one]
                    assert apart, (uses, outputs, one, other)
