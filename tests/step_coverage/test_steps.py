"""Steps of a network: every bin decided, every hit seen by the simulator, every certificate checked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import npusim
from npusim.analysis.witness import alone
from npusim.coverage import Status
from npusim.errors import InputError
from npusim.program import Program
from npusim.step_coverage import StepCertificate, cover_steps, grade_steps
from npusim.step_coverage.checker import check
from npusim.step_coverage.code_cover import check_codes
from npusim.step_coverage.mac_bins import mac_bins
from npusim.step_coverage.report import StepCover
from npusim.step_coverage.sources import source_bins, sources
from npusim.steps.add import AddStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.mac import MacStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.table import TableStep
from tests.step_coverage.steps import unit_of
from tests.vectors.programs import WES, int8, small_network

MACS = ("block/conv", "block/dw", "fc")


@cache
def covers() -> dict[str, StepCover]:
    return {cover.report.step: cover for cover in cover_steps(small_network())}


def test_every_bin_of_every_step_is_decided() -> None:
    for cover in covers().values():
        counts = cover.report.counts
        assert counts[Status.UNKNOWN] == counts[Status.MISSED] == 0
        assert counts[Status.HIT] > 40
        assert counts[Status.UNREACHABLE] > 10


@pytest.mark.parametrize("name", MACS)
def test_the_simulator_sees_the_accumulators_that_the_spec_saw(name: str) -> None:
    program, cover = small_network(), covers()[name]
    unit, single = unit_of(program, name), alone(program, name)
    taps = npusim.simulate(single, dict(cover.inputs), taps=[name], threads=1).taps[name]
    bins = {one.name: one for one in mac_bins(unit)}
    (images,) = cover.inputs.values()
    for outcome in cover.report.outcomes:
        where = outcome.where
        if where is None or where.channel is None:
            continue
        row, column = where.pixel
        image = images[where.image].reshape(unit.columns.size)
        seen = unit.observe(image, (row, column), where.channel)
        assert bins[outcome.name].hit(unit, seen)
        shape = (*unit.columns.out, unit.columns.outputs)
        at = (row, column, where.channel)
        assert taps["accumulator"][where.image].reshape(shape)[at] == seen.accumulator
        assert taps["output"][where.image].reshape(shape)[at] == seen.rescale.trace.result


@pytest.mark.parametrize("name", MACS)
def test_a_grade_of_solved_inputs_finds_what_was_solved_for(name: str) -> None:
    cover = covers()[name]
    (graded,) = grade_steps(alone(small_network(), name), dict(cover.inputs))
    solved = {o.name for o in cover.report.outcomes if o.status is Status.HIT}
    assert {o.name for o in graded.outcomes if o.status is Status.HIT} == solved


def test_a_grade_says_what_is_missed() -> None:
    program = small_network()
    zeros = {"x": np.zeros((1, 6, 5, 3), np.int8)}
    reports = {report.step: report for report in grade_steps(program, zeros)}
    missed = {o.name for o in reports["block/conv"].outcomes if o.status is Status.MISSED}
    assert "A5.accumulator.extreme_high" in missed
    hit = {o.name for o in reports["block/conv"].outcomes if o.status is Status.HIT}
    assert "A6.padding.top_left.kernel_0_0" in hit
    assert reports["add"].why_not


@pytest.mark.parametrize("name", MACS)
def test_bent_certificates_are_refused(name: str) -> None:
    unit = unit_of(small_network(), name)
    bins = {one.name: one for one in mac_bins(unit)}
    outcomes = covers()[name].report.outcomes
    proofs = [(o.name, o.certificate) for o in outcomes if o.certificate is not None]
    hits = [bins[o.name] for o in outcomes if o.status is Status.HIT]
    for index, (name_, proof) in enumerate(proofs):
        assert check(unit, bins[name_], proof)
        assert not any(check(unit, one, bent) for bent in _bent(proof) for one in [bins[name_]])
        assert not any(check(unit, one, proof) for one in hits[index % 9 :: 9])


def _bent(proof: StepCertificate) -> list[StepCertificate]:
    wrong = [replace(proof, cases=proof.cases + 1)] if proof.cases else []
    if proof.accumulators:
        (low, high), *rest = proof.accumulators
        wrong += [replace(proof, accumulators=((low + 1, high), *rest)), replace(proof, rescale=())]
    if proof.writes:
        *rest, (low, high) = proof.writes
        wrong += [replace(proof, writes=(*rest, (low + 1, high))), replace(proof, writes=())]
    return wrong


def test_every_pair_of_codes_is_looked_at() -> None:
    program = small_network()
    (step,) = (step for step in program.steps if isinstance(step, AddStep))
    cover = covers()["add"]
    bins = dict(source_bins(sources(program, step) or []))
    for outcome in cover.report.outcomes:
        its = bins[outcome.name]
        if outcome.certificate is not None:
            assert check_codes(its, outcome.certificate)
            assert not check_codes(its, replace(outcome.certificate, cases=1))
        else:
            cases = sum(len(source.values) for source, _ in its)
            assert not check_codes(its, replace(_certificate(cover), cases=cases))
    # By the simulator: what the bins of the combination's ends say.
    taps = npusim.simulate(alone(program, "add"), dict(cover.inputs), taps=["add:*"], threads=1).taps["add"]
    point = step.combination.value
    ends = {o.name: o.where for o in cover.report.outcomes}
    for what, end in (("low", min), ("high", max)):
        where = ends[f"W5.add.result.input.{what}"]
        assert where is not None
        assert taps[point][where.image].reshape(-1)[where.pixel[0]] == end(taps[point].reshape(-1).tolist())


def _certificate(cover: StepCover) -> StepCertificate:
    return next(o.certificate for o in cover.report.outcomes if o.certificate is not None)


def one_step(step: MacStep | TableStep | MaxPoolStep | AveragePoolStep, shape: tuple[int, ...]) -> Program:
    x = int8(*shape)
    tensors = {"x": x, "y": step.output_type([x], WES)}
    return Program(name="one", inputs=("x",), outputs=("y",), tensors=tensors, steps=(step,), datapath=WES)


def test_pools_at_every_border() -> None:
    pads = ((1, 1), (0, 1))
    step = MaxPoolStep(name="max", inputs=("x",), output="y", kernel=(3, 2), padding=pads)
    program = one_step(step, (4, 4, 2))
    (cover,) = cover_steps(program)
    made = npusim.simulate(program, dict(cover.inputs), threads=1).outputs["y"]
    statuses = {o.name: o.status for o in cover.report.outcomes}
    assert statuses["W6.window.bottom_right"] is Status.HIT
    assert statuses["W6.window.left"] is Status.UNREACHABLE
    for outcome in cover.report.outcomes:
        if outcome.where is None:
            continue
        row, column = outcome.where.pixel
        code = made[outcome.where.image, row, column, 0]
        lowest = outcome.name.startswith("W6.window") or outcome.name.endswith("least_code")
        assert code == (-128 if lowest else 127 if outcome.name.endswith("greatest") else -127)


def test_averages_of_cut_windows() -> None:
    step = AveragePoolStep(
        name="pool", inputs=("x",), output="y", kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)),
        x_zero=3, counts=np.array([4, 6, 9]), multipliers=np.array([60000, 40000, 26667]),
        fields={"shift": 18, "y_zero": 3, "low": -128, "high": 127},
    )  # fmt: skip
    program = one_step(step, (5, 5, 2))
    (cover,) = cover_steps(program)
    assert cover.report.counts[Status.UNKNOWN] == 0
    sums = npusim.simulate(program, dict(cover.inputs), taps=["pool"], threads=1).taps["pool"]["accumulator"]
    where = {o.name: o.where for o in cover.report.outcomes}
    for name, expected in (("zero", 0), ("one", 1), ("minus_one", -1), ("64", 64)):
        place = where[f"W6.average_pool.result.input.{name}"]
        assert place is not None
        assert sums[(place.image, *place.pixel, 0)] == expected


def test_every_entry_of_a_table() -> None:
    table = np.random.default_rng(0).permutation(np.arange(-128, 128))
    step = TableStep(name="lut", inputs=("x",), output="y", fields={"table": table})
    program = one_step(step, (5, 5, 3))
    (cover,) = cover_steps(program)
    assert cover.report.counts == {
        Status.HIT: len(cover.report.outcomes), Status.UNREACHABLE: 0, Status.UNKNOWN: 0, Status.MISSED: 0
    }  # fmt: skip
    assert set(np.unique(cover.inputs["x"])) == set(range(-128, 128))


def test_unknown_steps_are_refused() -> None:
    with pytest.raises(InputError, match="no step of this name"):
        cover_steps(small_network(), ["conv7"])
