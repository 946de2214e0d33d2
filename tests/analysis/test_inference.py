from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from npusim.analysis import infer
from npusim.analysis.rescale import Rescale
from npusim.datapath import Datapath, load_datapath, preset_names
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from tests.analysis.builders import WES

RNG = np.random.default_rng(8)


def samples(datapath: Datapath, count: int = 4000) -> dict[str, Any]:
    """What a device with this datapath would answer; ties are common."""
    fields: dict[str, Any] = {
        "multiplier": RNG.integers(8, 16, count) << 12,
        "shift": RNG.integers(15, 24, count),
        "inverse_shift": RNG.integers(0, 5, count),
        "y_zero": RNG.integers(-20, 20, count),
        "low": np.full(count, -128),
        "high": np.full(count, 127),
    }
    accumulator = RNG.integers(-3000, 3000, count)
    made = Rescale(datapath.pipelines["mac"].result or (), fields, count).run(accumulator[None])[0]
    return {**fields, "accumulator": accumulator, "output": made}


@pytest.mark.parametrize("name", ["wes_npu", "wes_npu_half_even", "wes_npu_shift_after_rounding"])
def test_a_presets_samples_are_consistent_with_it_and_not_with_others(name: str) -> None:
    report = infer(samples(load_datapath(name)))
    consistent = {one.text for one in report.presets if one.consistent}
    assert name in consistent
    assert "wes_npu_floor" not in consistent
    assert {one.text for one in report.presets} >= set(preset_names())
    wrong = next(one for one in report.presets if one.text == "wes_npu_floor")
    assert wrong.contradiction is not None
    assert 0 < wrong.agreeing < report.samples


def test_a_rule_no_preset_has_is_found() -> None:
    lacking = change_datapath(WES, {"pipelines.mac.result[2].operand": "-y_zero"}, "other_sign")
    report = infer(samples(lacking))
    assert [one.text for one in report.presets if one.consistent] == []
    assert report.consistent == ("wes_npu, pipelines.mac.result[2]: y_zero has the other sign",)
    given = infer(samples(lacking), base=lacking)
    assert "other_sign" in given.consistent


def test_defaults_and_names() -> None:
    report = infer({"acc": [1, 2, 3], "multiplier": 32768, "shift": 15, "output": [1, 2, 3]})
    assert "wes_npu" in report.consistent
    skipped = {one.text: one.skipped for one in report.presets if one.skipped}
    assert all("field" in str(reason) or "pipeline" in str(reason) for reason in skipped.values())


def test_user_mistakes_are_told() -> None:
    with pytest.raises(InputError, match="output"):
        infer({"acc": [1], "multiplier": [1], "shift": [1]})
    with pytest.raises(InputError, match="integers"):
        infer({"acc": [1.5], "output": [1]})
    with pytest.raises(InputError, match="number of samples"):
        infer({"acc": [1, 2, 3], "output": [1, 2]})
