"""MAC columns: every bin of a preset is hit or certified; a toy's reachable set is that of enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from npusim.coverage import ColumnUnit, ColumnVector, Status, cover_column, grade_column
from npusim.coverage.column_bins import ColumnKind, column_bins
from npusim.coverage.column_checker import Argument, ColumnCertificate, check_column
from npusim.coverage.column_cover import sum_ranges
from npusim.datapath import load_datapath
from npusim.datapath.load import preset_names
from npusim.errors import InputError
from npusim.spec.mac import BiasPlace, accumulate
from tests.coverage.toys import toy

BEATS = 4
ORDERED = {ColumnKind.FIRST_OVERFLOW, ColumnKind.DISTANCE, ColumnKind.AT_END}


def enumerated(unit: ColumnUnit) -> set[str]:
    """The ordered bins that some bias and some codes show: every prefix of beats, equal ones once."""
    register, column = unit.accumulator, replace(unit.datapath.mac.column, bias_place=BiasPlace.PRELOAD)
    pairs = list(product(range(unit.activation.low, unit.activation.high + 1),
                         range(unit.weight.low, unit.weight.high + 1)))  # fmt: skip
    biases = range(unit.bias.low, unit.bias.high + 1)
    prefixes = {(0, True)} if unit.late else {(bias, True) for bias in biases}
    seen = set()
    for write in range(unit.writes):
        where = "late_bias" if write == unit.beats else f"beat_{write}"
        beats = [[(bias, 1)] for bias in biases] if write == unit.beats else [[pair] for pair in pairs]
        following = set()
        for (value, clean), beat in product(prefixes, beats):
            made = accumulate([beat], value, column)
            for end, bound in (("low", register.low), ("high", register.high)):
                beyond = made.exact < bound if end == "low" else made.exact > bound
                if clean and beyond:
                    seen.add(f"first_overflow_{end}.{where}")
                bits = abs(made.exact - bound).bit_length()
                if write == 0 and 0 < bits <= unit.beat.bits:
                    seen.add(f"{bits}_bits_{'beyond' if beyond else 'within'}_{end}")
                if made.exact == bound:
                    seen.add(f"at_end_{end}.{where}")
            following.add((made.value, clean and not made.overflows))
        prefixes = following
    return seen


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("place", ["preload", "late"])
@pytest.mark.parametrize("bias", [2, 6])
def test_the_reachable_set_of_a_toy_is_that_of_enumeration(overflow: str, place: str, bias: int) -> None:
    changes = {"mac.accumulator.overflow": overflow, "mac.bias.place": place, "mac.bias.bits": bias}
    for beats in range(1, BEATS + 1):
        unit = ColumnUnit(toy(**changes), beats)
        report = cover_column(unit).report
        assert report.missed == ()
        ordered = {one.name for one in column_bins(unit) if one.kind in ORDERED}
        hit = {o.name for o in report.outcomes if o.status is Status.HIT and o.name in ordered}
        assert {name.split(".accumulator.")[1] for name in hit} == enumerated(unit)


@pytest.mark.parametrize(
    "preset", ["ai8x", "aie", "cmsis_nn", "hls", "nvdla", "tflite_int16", "wes_npu", "wes_npu_subtract"]
)
def test_every_bin_of_a_presets_column_is_hit_or_certified(preset: str) -> None:
    report = cover_column(ColumnUnit(load_datapath(preset), 2)).report
    assert report.missed == ()
    assert report.counts[Status.HIT] > 20


@pytest.mark.slow
@pytest.mark.parametrize("preset", preset_names())
def test_every_bin_of_a_longer_column_is_hit_or_certified(preset: str) -> None:
    assert cover_column(ColumnUnit(load_datapath(preset), BEATS)).report.missed == ()


def test_a_graded_set_says_what_it_misses() -> None:
    unit = ColumnUnit(load_datapath("wes_npu"), 2)
    solved = cover_column(unit)
    assert grade_column(unit, solved.vectors).complete
    nothing = ColumnVector(((0,) * 16,) * 2, ((0,) * 16,) * 2, 0)
    report = grade_column(unit, [nothing])
    assert "A5.mac.column_of_2_beats.accumulator.first_overflow_high.beat_1" in report.missed
    assert report.counts[Status.HIT] == 17  # 16 lanes of 0 * 0, a bias of 0
    with pytest.raises(InputError, match="no legal vector"):
        grade_column(unit, [replace(nothing, weights=((-128,) * 16,) * 2)])


def test_a_false_certificate_is_refused() -> None:
    unit = ColumnUnit(toy(), 2)
    wanted = next(one for one in column_bins(unit) if one.kind is ColumnKind.FIRST_OVERFLOW)
    ranges = sum_ranges(unit, 1)
    assert not check_column(unit, wanted, ColumnCertificate(Argument.RANGES, ranges=ranges))
    assert not check_column(unit, wanted, ColumnCertificate(Argument.RANGES, ranges=((-32, 31),)))
    assert not check_column(unit, wanted, ColumnCertificate(Argument.STATES, states=()))
