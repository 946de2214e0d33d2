from __future__ import annotations

import numpy as np
import pytest

from npusim.analysis import equivalence
from npusim.analysis.comparison import METHODS, Method
from npusim.analysis.equivalence import Domain
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from tests.analysis.builders import WES, conv, program

RNG = np.random.default_rng(3)
TOY = change_datapath(
    WES,
    {
        "mac.accumulator.bits": 16,
        "mac.bias.bits": 16,
        "fields.shift.bits": 4,
        "fields.inverse_shift.bits": 2,
        "pipelines.mac.result[0].bits": 33,
    },
    "toy",
)
MADE = program(
    conv(
        RNG.integers(-100, 100, (8, 3, 3, 4)),
        fields={"multiplier": 45056, "shift": 22, "inverse_shift": np.arange(8)},
    ),
    shape=(5, 5, 4),
)


def texts(report: object) -> list[list[str]]:
    return [
        [c.text.split("]: ")[-1] for c in changes] for one in report.explanations for changes in one.changes
    ]  # type: ignore[attr-defined]


def test_a_toy_datapath_is_counted_exactly() -> None:
    """All fields' patterns, all 2^16 accumulators, by a look at each."""
    other = change_datapath(TOY, {"pipelines.mac.result[1].rounding": "half_away"}, "other")
    report = equivalence(TOY, other)
    (mac,) = [found for found in report.units if found.unit.name == "mac.result"]
    values = np.arange(-(1 << 15), 1 << 15)[:, None]
    for channel in range(0, mac.unit.left.channels, 17):
        alone = mac.unit.columns(np.array([channel]))
        wrong = values[alone.left.run(values) != alone.right.run(values)]
        assert mac.differing[channel] == wrong.size
        if wrong.size:
            assert abs(int(mac.witness[channel])) == np.abs(wrong).min()
    assert texts(report) == [["rounds half_away, not half_up"]]


@pytest.mark.parametrize(
    ("name", "explained"),
    [
        ("wes_npu_floor", "rounds floor, not half_up"),
        ("wes_npu_half_even", "rounds half_even, not half_up"),
        ("wes_npu_shift_before_multiply", "inverse_shift is undone before the first stage, half_up"),
        ("wes_npu_shift_after_rounding", "inverse_shift is undone after the rounding, half_up again"),
    ],
)
def test_presets_that_differ_in_one_rule(name: str, explained: str) -> None:
    for made in (None, MADE):
        report = equivalence(WES, load_datapath(name), made)
        assert not report.equal
        assert report.domain is (Domain.ALL if made is None else Domain.REACHABLE)
        assert [explained] in texts(report)
        for found in report.units:
            every = list(report.counterexamples(found))
            assert len(every) == len(found.channels)
            for one in every:  # the kernels' answers were compared with the spec's on the way
                assert one.left == found.unit.left.spec(one.value, one.channel)
                assert one.left != one.right
        smallest = report.smallest()
        assert smallest is not None
        assert all(
            abs(smallest.value) <= np.abs(u.witness[u.channels]).min() for u in report.units if u.total
        )


def test_presets_whose_rescales_are_equal() -> None:
    for name in ("wes_npu", "wes_npu_multiplier31", "wes_npu_subtract", "wes_npu_acc24_wrap"):
        report = equivalence(WES, load_datapath(name))
        assert report.equal
        assert report.smallest() is None
        assert report.methods()[Method.LOOPED] == 0
    assert ("mac.accumulator.bits", "32", "24") in report.declared


def test_half_even_and_half_up_agree_where_a_program_reaches_no_tie() -> None:
    odd = program(conv([[[[1]]]], fields={"multiplier": 40001, "shift": 20}), shape=(1, 1, 1))
    report = equivalence(WES, load_datapath("wes_npu_half_even"), odd)
    assert report.equal
    assert report.values == 256


def test_patterns_that_wrap_are_decided_and_those_without_time_counted() -> None:
    wraps = change_datapath(TOY, {"pipelines.mac.result[3]": {"stage": "wrap", "to": 8}}, "wraps")
    told: list[tuple[int, int]] = []
    report = equivalence(TOY, wraps, seconds=600, progress=lambda done, total: told.append((done, total)))
    assert report.undecided == 0
    assert told[-1][0] == told[-1][1] - 1
    assert ["wraps to 8 bits"] in texts(report)
    (mac,) = [found for found in report.units if found.unit.name == "mac.result"]
    values = np.arange(-(1 << 15), 1 << 15)[:, None]
    slow = [METHODS.index(method) for method in (Method.PIECES, Method.LOOPED)]
    for channel in np.flatnonzero(np.isin(mac.method, slow))[::40].tolist():
        alone = mac.unit.columns(np.array([channel]))
        wrong = values[alone.left.run(values) != alone.right.run(values)]
        assert mac.differing[channel] == wrong.size
    hasty = equivalence(TOY, wraps, seconds=0)
    assert hasty.undecided == sum(int(np.isin(found.method, slow).sum()) for found in report.units)
    assert hasty.values < report.values


def test_datapaths_that_fill_other_registers_are_compared() -> None:
    """A field in a sum with one of the multiplier's adds nothing."""
    report = equivalence(load_datapath("vta"), WES, seconds=0)
    assert any(found.unit.name == "mac.result" for found in report.units)


def test_two_changed_rules_are_found_together() -> None:
    changes = {"pipelines.mac.result[1].rounding": "floor", "pipelines.mac.result[2].operand": "-y_zero"}
    report = equivalence(WES, change_datapath(WES, changes, "two"), MADE)
    assert any(
        {"rounds floor, not half_up", "y_zero has the other sign"} == set(changes)
        for changes in texts(report)
    )


def test_programs_must_be_legal_on_both() -> None:
    with pytest.raises(InputError, match=r"fields\.inverse_shift.*would do"):
        equivalence(WES, load_datapath("wes_npu_inverse0"), MADE)
