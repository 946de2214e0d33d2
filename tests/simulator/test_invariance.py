"""A10: the same bits for any batch, thread count, taps and statistics; the first event is the first."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.datapath import Datapath
from npusim.simulator import Simulator
from npusim.statistics import StepStatistics, merge_statistics
from npusim.steps.probe import Path
from tests.simulator.programs import batch, compiled, dense, narrow

COUNT = 7
DATAPATHS: list[Datapath | None] = [None, narrow(16, "saturate", 4), narrow(16, "wrap", 4)]


def same(one: npusim.Result, two: npusim.Result) -> None:
    assert one.outputs.keys() == two.outputs.keys()
    for name, codes in one.outputs.items():
        np.testing.assert_array_equal(codes, two.outputs[name])
        assert codes.dtype == two.outputs[name].dtype


@pytest.fixture(scope="module", params=DATAPATHS, ids=["fast", "ordered", "wrapped"])
def simulator(request: pytest.FixtureRequest) -> Simulator:
    return Simulator(compiled(), request.param)


@pytest.fixture(scope="module")
def whole(simulator: Simulator) -> npusim.Result:
    return simulator.run(batch(COUNT), statistics=True, threads=1)


def part(start: int, stop: int) -> dict[str, Any]:
    return {name: images[start:stop] for name, images in batch(COUNT).items()}


@pytest.mark.parametrize("cuts", [(1,), (3,), (2, 5), tuple(range(1, COUNT))])
def test_any_split_of_the_batch(simulator: Simulator, whole: npusim.Result, cuts: tuple[int, ...]) -> None:
    ends = [0, *cuts, COUNT]
    parts = [simulator.run(part(a, b), statistics=True) for a, b in pairwise(ends)]
    for name, codes in whole.outputs.items():
        np.testing.assert_array_equal(np.concatenate([found.outputs[name] for found in parts]), codes)
    merged = merge_statistics([found.statistics or {} for found in parts])
    assert merged == whole.statistics


@pytest.mark.parametrize("threads", [1, 2, 4, None])
def test_any_number_of_threads(simulator: Simulator, whole: npusim.Result, threads: int | None) -> None:
    for _ in range(2):
        found = simulator.run(batch(COUNT), statistics=True, threads=threads)
        same(whole, found)
        assert found.statistics == whole.statistics


@pytest.mark.parametrize("statistics", [False, True, "off", "events", "prefix"])
@pytest.mark.parametrize("tapped", [False, True])
def test_recording_changes_nothing(
    simulator: Simulator, whole: npusim.Result, statistics: bool | str, tapped: bool
) -> None:
    taps = [f"{step.name}:*" for step in simulator.program.steps] if tapped else []
    found = simulator.run(batch(COUNT), statistics=statistics, taps=taps)
    same(whole, found)
    assert (found.statistics is None) == (statistics in {False, "off"})
    assert found.taps.keys() == {tap[:-2] for tap in taps}


def test_taps_are_named_and_recorded_once(simulator: Simulator, whole: npusim.Result) -> None:
    found = simulator.run(batch(COUNT), taps=["conv", "conv:1.shift_right", "head:output"])
    assert {step: list(points) for step, points in found.taps.items()} == {
        "conv": ["1.shift_right", "accumulator", "output"],
        "head": ["output"],
    }
    np.testing.assert_array_equal(found.taps["head"]["output"], whole.outputs["head"])
    assert found.taps["conv"]["accumulator"].dtype == np.int64
    assert found.taps["conv"]["accumulator"].shape == found.taps["conv"]["output"].shape


def test_prefix_mode_takes_the_ordered_path_everywhere(simulator: Simulator) -> None:
    statistics = simulator.run(batch(1), statistics="prefix").statistics
    assert statistics is not None
    paths = {found.path for found in statistics.values() if found.kind == "mac"}
    assert paths == {Path.ORDERED}
    counted = [found.accumulator for found in statistics.values() if found.kind == "mac"]
    assert all(record is not None and record.prefix_overflows is not None for record in counted)


def statistics_of(x: Any, threads: int) -> StepStatistics:
    program = dense([[127, 127], [1, 0]], [0, 0], narrow(16, "saturate"))
    found = npusim.simulate(program, np.array(x, np.int8), statistics=True, threads=threads).statistics
    assert found is not None
    return found["dense"]


@pytest.mark.parametrize("threads", [1, 4])
def test_first_events_are_where_they_first_happened(threads: int) -> None:
    quiet, clipped, over = [0, 0], [2, 0], [127, 127]
    found = statistics_of([quiet, quiet, clipped, over, over], threads)
    clamp = found.events["3.clamp"]
    # 2 * 127 = 254 leaves the codes in image 2, channel 0; an overflow comes in image 3.
    assert (clamp["saturated_high"].count, clamp["saturated_high"].first) == (3, (2, 0))
    assert found.accumulator is not None
    # 127 * 127 * 2 = 32258 fits; with the bias below it does not.
    assert found.accumulator.final_overflows == 0
    assert (found.accumulator.lowest, found.accumulator.highest) == (0, 32258)


@pytest.mark.parametrize("threads", [1, 4])
def test_first_overflows_are_where_they_first_happened(threads: int) -> None:
    program = dense([[1, 0], [127, 127]], [0, 1000], narrow(16, "saturate"))
    x = np.array([[0, 0], [100, 0], [127, 127], [127, 127]], np.int8)
    found = (npusim.simulate(program, x, statistics=True, threads=threads).statistics or {})["dense"]
    assert found.accumulator is not None
    assert found.accumulator.final_overflows == found.overflows == 2
    assert found.accumulator.first_overflow == (2, 1)
    assert found.locate((2, 1)) == (2, 1)


def test_places_of_images_are_image_row_column_channel() -> None:
    found = (npusim.simulate(compiled(), batch(2), statistics=True).statistics or {})["conv"]
    rows, columns, channels = found.shape
    assert found.locate((1, (2 * columns + 3) * channels + 4)) == (1, 2, 3, 4)
    assert rows > 2


def test_progress_counts_images() -> None:
    told: list[tuple[int, int]] = []
    npusim.simulate(compiled(), batch(3), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
