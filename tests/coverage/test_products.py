"""Bins behind the product of two operands: decided as plain enumeration decides them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from npusim.coverage import PipelineUnit, pipeline_bins
from npusim.coverage.bins import Bin
from npusim.coverage.products import MOST_OPERANDS, Products, check_products, factor_before
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.spec.interval import Interval

WES = load_datapath("wes_npu")
TOY = PipelineUnit(
    change_datapath(WES, {"fields.multiplier.bits": 5, "scale.magnitude_bits": 5}, "toy"), "mul"
)
SMALL = Interval(-7, 6)
FACTORS = range(32)


def reachable(wanted: Bin) -> bool | None:
    """By enumeration of every pair of operands and every factor; None: not one of these bins."""
    can = False
    for condition in wanted.conditions:
        factor = factor_before(TOY, condition, SMALL)
        if factor is None or condition.target is None:
            return None
        held = [pin.value for pin in condition.pins if pin.operands == (factor,)]
        factors = (held or FACTORS) if factor else [1]
        operands = range(SMALL.low, SMALL.high + 1)
        can |= any(a * b * m in condition.target for a, b, m in product(operands, operands, factors))
    return can


def test_what_products_can_show_is_what_enumeration_finds() -> None:
    products, seen = Products(TOY, SMALL), {True: 0, False: 0}
    for wanted in pipeline_bins(TOY):
        can = reachable(wanted)
        certificate, found = products.propose(wanted), next(products.solutions(wanted), None)
        if can is None:
            assert certificate is None
            continue
        seen[can] += 1
        assert (certificate is None) == can
        assert can or found is None
        if certificate is not None:
            assert check_products(TOY, wanted, SMALL, certificate)
        if found is not None:
            assert wanted.hit(TOY, TOY.observe(found))
            assert found.value in products.values
    assert min(seen.values()) > 50


def test_certificates_of_other_bins_and_bent_ones_are_refused() -> None:
    products, bins = Products(TOY, SMALL), pipeline_bins(TOY)
    proofs = [found for wanted in bins if (found := products.propose(wanted)) is not None]
    hits = [wanted for wanted in bins if reachable(wanted)]
    assert not any(check_products(TOY, wanted, SMALL, proofs[0]) for wanted in hits)
    proven = next(wanted for wanted in bins if products.propose(wanted) is not None)
    bent = (
        replace(proofs[0], products=proofs[0].products - 1),
        replace(proofs[0], operands=(SMALL.low, SMALL.high - 1)),
    )
    assert not any(check_products(TOY, proven, SMALL, wrong) for wrong in bent)
    assert not check_products(TOY, proven, Interval(SMALL.low, SMALL.high + 1), proofs[0])


@pytest.mark.parametrize("wide", [Interval(0, MOST_OPERANDS), Interval(-(1 << 15), 1 << 15)])
def test_more_operands_than_can_be_multiplied_decide_nothing(wide: Interval) -> None:
    products = Products(TOY, wide)
    assert products.values == ()
    assert all(products.propose(wanted) is None for wanted in pipeline_bins(TOY))
