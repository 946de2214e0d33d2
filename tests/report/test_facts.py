"""What a report knows: weights' ranges, histograms, noise."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim
from npusim.errors import InputError
from npusim.evaluate import ArraySamples
from npusim.report import load_sweep, make_report
from npusim.report.histograms import signed_log
from npusim.report.sections.measures import measures
from npusim.report.weights import weight_ranges
from npusim.steps.mac import MacStep
from tests.cli.files import LABELS, NETWORK, PROGRAM
from tests.compiler.networks import images
from tests.report.reports import full


def test_ranges_before_are_those_of_the_codes_without_their_shifts() -> None:
    steps = {step.name: step for step in PROGRAM.steps if isinstance(step, MacStep)}
    found = {ranges.step: ranges for ranges in weight_ranges(PROGRAM)}
    assert found.keys() == steps.keys()
    for name, ranges in found.items():
        step = steps[name]
        for channel in range(step.outputs):
            greatest = max(abs(int(code)) for code in step.weights[channel].reshape(-1))
            shift = int(np.broadcast_to(step.fields["inverse_shift"], step.outputs)[channel])
            assert (ranges.codes[channel], ranges.shifts[channel]) == (greatest, shift)
            assert ranges.before[channel] == pytest.approx(greatest / 2**shift)


def test_scales_per_channel_are_undone_as_shifts_are() -> None:
    program = npusim.compile(NETWORK, "wes_npu_per_channel", "per_channel", images())
    by_shift = {ranges.step: ranges for ranges in weight_ranges(PROGRAM)}
    for ranges in weight_ranges(program):
        assert ranges.scaled
        other = by_shift[ranges.step]
        assert ranges.before / ranges.before.max() == pytest.approx(
            other.before / other.before.max(), rel=0.05
        )


def test_histograms_count_every_accumulator() -> None:
    report = full()
    result = npusim.simulate(PROGRAM, images(), taps=["conv:accumulator", "head:accumulator"])
    for name in ("conv", "head"):
        found = report.histograms[name]
        wanted = [0] * len(found.counts)
        for value in result.taps[name]["accumulator"].reshape(-1).tolist():
            wanted[found.bits + _bin(value)] += 1
        assert found.counts.tolist() == wanted


def _bin(value: int) -> int:
    """The bit, counted from zero, that an accumulator falls into: by integers alone."""
    if value >= 0:
        return (value + 1).bit_length() - 1
    return -(-value).bit_length()


@given(st.integers(2, 60), st.sampled_from([-1, 1]))
def test_the_ends_of_a_register_stand_at_its_bits(bits: int, sign: int) -> None:
    assert signed_log([sign * ((1 << (bits - 1)) - 1)]).tolist() == pytest.approx([sign * (bits - 1)])


def test_noise_is_that_of_the_evaluation() -> None:
    report = full()
    found = report.subject.evaluation
    assert found is not None
    noise = {step.name: (step.sqnr_db, step.alone_sqnr_db) for step in found.steps}
    assert noise
    assert {s.name: (s.sqnr, s.alone) for s in report.subject.steps if s.sqnr is not None} == noise


def test_without_a_network_events_are_still_counted() -> None:
    report = make_report(PROGRAM, samples=ArraySamples(images(), LABELS))
    with_network = {step.name: step for step in full().subject.steps}
    for step in report.subject.steps:
        assert step.sqnr is None
        assert (step.seen, step.saturation_clips) == (
            with_network[step.name].seen,
            with_network[step.name].saturation_clips,
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("", "header"),
        ("a,a\n1,2\n", "header of distinct names"),
        ("junk\n", "not a sweep's table; found 'junk'"),
        ("point,b\n1\n", "another number of cells"),
        (b"\xff\xfe\n", "not a table"),
    ],
)
def test_a_folder_that_no_sweep_wrote_is_refused(tmp_path, text, says) -> None:  # type: ignore[no-untyped-def]
    if text is not None:
        (tmp_path / "results.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=says) as caught:
        load_sweep(tmp_path)
    assert caught.value.file == str(tmp_path / "results.csv")


def test_every_measure_is_shown_float_beside_integer() -> None:
    found = full().subject.evaluation
    assert found is not None
    nested = {
        "float": {"hits": 3},
        "integer": {"hits": 2},
        "boxes": {"recall": 0.5, "range": (-1.0, 1.5), "none": None},
    }
    table = measures(replace(found, measures=nested)) or ""
    rows = [re.findall(r"<td[^>]*>([^<]*)", row) for row in re.findall(r"<tr>(.*?)</tr>", table)[1:]]
    assert rows == [["hits", "3", "2"], ["boxes recall", "", "0.5"], ["boxes range", "", "\u22121 to 1.5"]]
    assert measures(None) is None
