"""The mac step against the spec: values, taps, events and overflows, on every path."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

import npusim
from npusim.steps.probe import Path
from tests.simulator.draw import MacCase, mac_cases
from tests.simulator.spec_mac import spec_mac
from tests.steps.one_step import one_step

SEEN: set[Path | None] = set()


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mac_cases())
def test_mac_equals_spec(case: MacCase) -> None:
    program = one_step(case.step, [case.x.shape[1:]], case.datapath)
    expected = [spec_mac(case.step, image.astype(np.int64), case.datapath) for image in case.x]
    for mode in ("events", "prefix"):
        result = npusim.simulate(program, case.x, taps=["mac:*"], statistics=mode, threads=2)
        assert result.statistics is not None
        SEEN.add(result.statistics["mac"].path)
        outputs = [spec.outputs for spec in expected]
        accumulators = [[made.value for made in spec.accumulators] for spec in expected]
        np.testing.assert_array_equal(result.outputs["y"].reshape(len(case.x), -1), outputs)
        np.testing.assert_array_equal(
            result.taps["mac"]["accumulator"].reshape(len(case.x), -1), accumulators
        )
        _check_events(case, expected, result)
        _check_overflows(case, expected, result, prefix=mode == "prefix")


def _check_events(case: MacCase, expected: list, result: npusim.Result) -> None:
    assert result.statistics is not None
    counted = {
        (stage, event): found
        for stage, events in result.statistics["mac"].events.items()
        for event, found in events.items()
    }
    totals: dict[tuple[str, str], int] = {}
    firsts: dict[tuple[str, str], tuple[int, int]] = {}
    for image, spec in enumerate(expected):
        for key, number in spec.events.items():
            totals[key] = totals.get(key, 0) + number
            firsts.setdefault(key, (image, spec.firsts[key]))
    assert {key: found.count for key, found in counted.items()} == totals
    assert {key: found.first for key, found in counted.items()} == firsts


def _check_overflows(case: MacCase, expected: list, result: npusim.Result, *, prefix: bool) -> None:
    assert result.statistics is not None
    record = result.statistics["mac"].accumulator
    register = case.datapath.mac.accumulator.register
    every = [made for spec in expected for made in spec.accumulators]
    assert record is not None
    assert record.final_overflows == sum(made.leaves(register) for made in every)
    if prefix:
        assert record.prefix_overflows == sum(made.overflows for made in every)
        assert record.lowest == min(made.lowest for made in every)
        assert record.highest == max(made.highest for made in every)
    if record.prefix_overflows is None:
        assert not any(made.overflows for made in every if result.statistics["mac"].path in FAST)


FAST = {Path.FAST_32, Path.FAST_64}


def test_every_path_was_taken() -> None:
    """The test above means little if its cases all went one way."""
    assert {Path.FAST_32, Path.WRAPPED, Path.ORDERED} <= SEEN
