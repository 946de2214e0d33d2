"""Rescaler: one pipeline with taps and events, wherever its values stand."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from npusim.datapath.operations import PipelineRole
from npusim.spec.pipeline import run
from npusim.steps.executors.rescaler import Rescaler
from npusim.steps.pipelines import require_pipeline
from npusim.steps.probe import Probe, StatisticsMode
from tests.steps.one_step import WES

STAGES = require_pipeline(WES, "mac", PipelineRole.RESULT)
FIELDS = {
    "multiplier": 40000,
    "shift": 20,
    "inverse_shift": np.array([0, 3, 7]),
    "y_zero": -5,
    "low": -100,
    "high": 90,
    "activation": 1,
}
VALUES = np.random.default_rng(7).integers(-200_000, 200_000, (50, 3))


def trace(value: int, channel: int) -> tuple[int, ...]:
    fields = {name: int(np.broadcast_to(found, 3)[channel]) for name, found in FIELDS.items()}
    return run(STAGES, value, fields).values


SAYS = np.array([[trace(int(v), c) for c, v in enumerate(row)] for row in VALUES])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("mode", StatisticsMode)
def test_codes_are_the_specs_and_values_stay(dtype: type, mode: StatisticsMode) -> None:
    values = VALUES.astype(dtype)
    made = Rescaler(STAGES, FIELDS, 3).codes(values, np.int8, Probe(mode=mode))
    assert made.dtype == np.int8
    np.testing.assert_array_equal(made, SAYS[..., -1])
    np.testing.assert_array_equal(values, VALUES)


def test_only_wanted_stages_are_given() -> None:
    rescaler = Rescaler(STAGES, FIELDS, 3, prefix="p.")
    assert rescaler.points == ("p.0.multiply", "p.1.shift_right", "p.2.add", "p.3.clamp")
    every = dict(rescaler.stage_values(VALUES))
    assert list(every) == list(rescaler.points)
    for index, point in enumerate(rescaler.points):
        np.testing.assert_array_equal(every[point], SAYS[..., index])
    wanted = dict(rescaler.stage_values(VALUES, frozenset({"p.1.shift_right", "output"})))
    assert list(wanted) == ["p.1.shift_right"]
    np.testing.assert_array_equal(wanted["p.1.shift_right"], SAYS[..., 1])
    assert list(rescaler.stage_values(VALUES, frozenset())) == []


def test_events_of_tiles_add_up_to_those_of_the_whole() -> None:
    rescaler = Rescaler(STAGES, FIELDS, 3)
    whole, tiles = Probe(4, StatisticsMode.EVENTS), Probe(4, StatisticsMode.EVENTS)
    rescaler.codes(VALUES, np.int8, whole)
    for start in range(0, 50, 20):
        rescaler.codes(VALUES[start : start + 20], np.int8, tiles, base_index=start * 3)
    assert whole.events == tiles.events
    assert {"activation", "saturated_high"} <= whole.events["3.clamp"].keys()
    assert all(found.first[0] == 4 for stage in whole.events.values() for found in stage.values())


def test_values_that_do_not_follow_each_other_are_located() -> None:
    rescaler, probe = Rescaler(STAGES, FIELDS, 3), Probe(0, StatisticsMode.EVENTS)
    rescaler.codes(
        np.array([[0, 0, 0], [0, 400_000_000, 0]]), np.int8, probe, position=lambda i: 100 + 10 * i
    )
    assert probe.events["3.clamp"]["saturated_high"].first == (0, 140)


def test_threads_share_it() -> None:
    rescaler = Rescaler(STAGES, FIELDS, 3)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: rescaler.codes(VALUES, np.int8, Probe()), range(64)))
    for codes in made:
        np.testing.assert_array_equal(codes, SAYS[..., -1])


def test_loading_programs_does_not_load_kernels() -> None:
    code = "import sys, npusim.program; sys.exit('numba' in sys.modules or 'npusim.kernels' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
