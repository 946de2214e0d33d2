"""The checker refuses what proves nothing; certificates that are bent by one are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.coverage import PipelineUnit, Status, cover, pipeline_bins
from npusim.coverage.certificates import Case, Certificate, Span
from npusim.coverage.checker import check
from npusim.coverage.factors import divisors, factorize
from npusim.coverage.residues import Residues
from npusim.datapath import load_datapath


@pytest.mark.parametrize("preset", ["wes_npu", "ethos_u", "nvdla"])
def test_no_certificate_of_one_bin_proves_another_that_is_hit(preset: str) -> None:
    unit = PipelineUnit(load_datapath(preset), "mac")
    report = cover(unit).report
    bins = {one.name: one for one in pipeline_bins(unit)}
    proofs = [o.certificate for o in report.outcomes if o.status is Status.UNREACHABLE]
    hits = [bins[o.name] for o in report.outcomes if o.status is Status.HIT]
    assert proofs
    for index, proof in enumerate(proofs):
        assert isinstance(proof, Certificate)
        assert not any(check(unit, one, proof) for one in hits[index % 7 :: 7])


def test_bent_certificates_are_refused() -> None:
    unit = PipelineUnit(load_datapath("wes_npu"), "mac")
    bins = {one.name: one for one in pipeline_bins(unit)}
    bent = 0
    for outcome in cover(unit).report.outcomes:
        if not isinstance(outcome.certificate, Certificate):
            continue
        wanted = bins[outcome.name]
        assert check(unit, wanted, outcome.certificate)
        for place, cases in enumerate(outcome.certificate.refutations):
            for wrong in _bent(cases):
                others = list(outcome.certificate.refutations)
                others[place] = wrong
                assert not check(unit, wanted, Certificate(tuple(others)))
                bent += 1
    assert bent > 100


def _bent(cases: tuple[Case, ...]) -> list[tuple[Case, ...]]:
    case = cases[0]
    wrong: list[tuple[Case, ...]] = [(), (replace(case, register=("shift", 0, 3)),)]
    if case.spans:
        last = case.spans[-1]
        for span in (Span(last.low + 1, last.high), Span(last.low, last.high - 1), replace(last, multiple=2)):
            wrong.append((replace(case, spans=(*case.spans[:-1], span)),))
    if case.products:
        wrong.append((replace(case, products=case.products[1:]),))
        false = replace(case.products[0], factors=(abs(case.products[0].value),))
        if false != case.products[0]:
            wrong.append((replace(case, products=(false, *case.products[1:])),))
    return wrong


@given(st.integers(1, 1 << 66))
def test_factors_multiply_to_the_number(number: int) -> None:
    found = divisors(factorize(number))
    assert found[0] == 1
    assert found[-1] == number
    assert all(number % divisor == 0 for divisor in found)


@given(
    st.integers(-60, 60), st.integers(-5, 60), st.integers(1, 16), st.integers(-20, 20), st.integers(-9, 9)
)
def test_residues_are_what_they_say(low: int, size: int, modulus: int, residue: int, factor: int) -> None:
    found = Residues(low, low + size, modulus, residue)
    members = [value for value in range(low, low + size + 1) if (value - residue) % modulus == 0]
    assert list(found) == members
    assert len(found) == len(members)
    assert bool(found) == bool(members)
    assert set(found.nearest(2)) <= set(members)
    if factor:
        wanted = {value for value in range(-200, 200) if value * factor in members}
        assert set(found.quotients(factor)) == wanted
