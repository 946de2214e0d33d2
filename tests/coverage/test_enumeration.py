"""Certificates by enumeration: none of a bin that something hits; of those that nothing can."""

from __future__ import annotations

import random

import pytest

from npusim.coverage import PipelineUnit, PipelineVector, Status, cover, pipeline_bins
from npusim.coverage.enumeration import Enumeration, EnumerationCertificate
from npusim.datapath import load_datapath
from npusim.datapath.operations import PipelineRole

VTA = PipelineUnit(load_datapath("vta"), "add")
"""A left shift that wraps: few values enter, and few of all words leave it."""


def test_what_is_hit_is_never_certified_and_all_else_is() -> None:
    report, enumeration = cover(VTA).report, Enumeration(VTA)
    bins = {wanted.name: wanted for wanted in pipeline_bins(VTA)}
    by_status = {status: [o for o in report.outcomes if o.status is status] for status in Status}
    assert by_status[Status.MISSED] == []
    for outcome in by_status[Status.HIT]:
        assert enumeration.unreachable(bins[outcome.name]) is None
    enumerated = [
        outcome
        for outcome in by_status[Status.UNREACHABLE]
        if isinstance(outcome.certificate, EnumerationCertificate)
    ]
    assert len(enumerated) > 10


def test_no_drawn_vector_shows_what_is_certified() -> None:
    rng, enumeration = random.Random(0), Enumeration(VTA)
    certified = [wanted for wanted in pipeline_bins(VTA) if enumeration.unreachable(wanted) is not None]
    for _ in range(300):
        value = rng.randint(VTA.entering.low, VTA.entering.high)
        fields = {name: rng.randint(held.low, held.high) for name, held in VTA.ranges.items()}
        vector = PipelineVector(value, {**fields})
        if VTA.problem(vector) is None:
            seen = VTA.observe(vector)
            assert not [wanted.name for wanted in certified if wanted.hit(VTA, seen)]


@pytest.mark.parametrize(("preset", "operation"), [("wes_npu", "mac"), ("tflite", "mac")])
def test_too_many_values_decide_nothing_behind_them(preset: str, operation: str) -> None:
    unit = PipelineUnit(load_datapath(preset), operation, PipelineRole.RESULT)
    enumeration = Enumeration(unit)
    assert all(enumeration.unreachable(wanted) is None for wanted in pipeline_bins(unit))
