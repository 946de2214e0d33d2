"""Two operands whose combination is a wanted integer: solved for, confirmed by the spec."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.coverage import PipelineUnit, PipelineVector
from npusim.coverage.bins import At, Bin, BinClass, Condition
from npusim.coverage.factors import divisors, factorize
from npusim.coverage.residues import Residues
from npusim.coverage.solve import solutions
from npusim.spec.elementwise import Combination
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach

_NEAR = 100
_WINDOWS = 8
_MOST_PRODUCTS = 64
_BUDGET = 200


def operands_that_make(
    unit: PipelineUnit, combination: Combination, wanted: int
) -> tuple[PipelineVector, PipelineVector] | None:
    """Vectors of an operand pipeline that combine to `wanted`, one for each operand; None: none found."""
    for first in _firsts(unit, combination, wanted):
        a = _making(unit, first)
        if a is None:
            continue
        made = unit.observe(a).entering[-1]
        second = _second(combination, wanted, made)
        b = None if second is None else _making(unit, Residues(second, second))
        if b is not None and combination.of(made, unit.observe(b).entering[-1]) == wanted:
            return a, b
    return None


def _making(unit: PipelineUnit, target: Residues) -> PipelineVector | None:
    """A vector whose result is a member."""
    last = len(unit.stages) - 1
    wanted = Bin("operand", BinClass.ENDS, (Condition(stage=last, at=At.EXACT, target=target),))
    return next(solutions(unit, wanted, _BUDGET), None)


def _firsts(unit: PipelineUnit, combination: Combination, wanted: int) -> Iterator[Residues]:
    """What the first operand may be: near what is wanted, then windows of all that can help."""
    each = (unit.entering, *reach(unit.stages, unit.entering, unit.ranges))[-1]
    if combination is Combination.PRODUCT:
        yield from _factors(wanted, each)
        return
    other = each if combination is Combination.SUM else -each
    yield Residues(wanted, wanted).within(each)
    yield Residues(wanted - _NEAR, wanted + _NEAR).within(each)
    possible = Residues(wanted - other.high, wanted - other.low).within(each)
    width = max(1, len(possible) // _WINDOWS)
    for low in range(possible.low, possible.high + 1, width):
        yield Residues(low, min(low + width - 1, possible.high))


def _factors(wanted: int, each: Interval) -> Iterator[Residues]:
    if not wanted:
        yield Residues(0, 0)
        return
    found = divisors(factorize(abs(wanted)))
    middle = sorted(found, key=lambda divisor: abs(divisor - abs(wanted) // divisor))
    for divisor in middle[:_MOST_PRODUCTS]:
        for first in (divisor, -divisor):
            if first in each and wanted // first in each:
                yield Residues(first, first)


def _second(combination: Combination, wanted: int, first: int) -> int | None:
    match combination:
        case Combination.SUM:
            return wanted - first
        case Combination.DIFFERENCE:
            return first - wanted
        case Combination.PRODUCT:
            if not first:
                return 0
            return None if wanted % first else wanted // first
