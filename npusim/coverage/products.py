"""Bins behind the product of two operands: what can be made is sparse, so every product is looked at.

Decides what happens at the first stage and behind a first multiplication by a register. A certificate says of
which operands the products were taken and how many there are; its check takes them anew and tries every root
of each congruence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import gcd
from typing import Any

from npusim.coverage.bins import At, Bin, Condition
from npusim.coverage.residues import Residues
from npusim.coverage.solve import completed, pinned
from npusim.coverage.unit import PipelineUnit, PipelineVector
from npusim.spec.interval import Interval
from npusim.spec.stages import Multiply, field_name

MOST_OPERANDS = 1 << 10
"""Values of one operand: all pairs are multiplied."""

_FACTORS = 4
_VALUES = 200


@dataclass(frozen=True)
class ProductCertificate:
    """Of no product of two integers in `operands` can any factor make what the bin asks for.

    Attributes
    ----------
    operands
        Least and greatest of what each operand may be.
    products
        How many different products they have.
    """

    operands: tuple[int, int]
    products: int

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"operands": list(self.operands), "products": self.products}


@dataclass(frozen=True)
class Products:
    """All products of two operands, as what enters a pipeline.

    Attributes
    ----------
    operand
        What each operand may be.
    """

    unit: PipelineUnit
    operand: Interval

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Every product, those of least magnitude first; none where operands are too many to multiply all."""
        if self.operand.high - self.operand.low >= MOST_OPERANDS:
            return ()
        each = range(self.operand.low, self.operand.high + 1)
        return tuple(sorted({a * b for a in each for b in each}, key=lambda value: (abs(value), value)))

    def solutions(self, wanted: Bin) -> Iterator[PipelineVector]:
        """Vectors that hit a bin, confirmed by the spec; their values are products."""
        for condition in wanted.conditions:
            factor = factor_before(self.unit, condition, self.operand)
            if factor is None:
                continue
            for value, times in islice(self._ways(condition, factor), _VALUES):
                for held in pinned(self.unit, condition.pins):
                    fields = {factor: times, **held} if factor else held
                    vector = completed(self.unit, PipelineVector(value, fields), shows=True)
                    if self.unit.problem(vector) is None and wanted.hit(self.unit, self.unit.observe(vector)):
                        yield vector

    def propose(self, wanted: Bin) -> ProductCertificate | None:
        """A certificate that no product hits a bin; None if one may, or if nothing is decided this way."""
        for condition in wanted.conditions:
            factor = factor_before(self.unit, condition, self.operand)
            if factor is None or next(self._ways(condition, factor), None) is not None:
                return None
        made = len(self.values)
        return ProductCertificate((self.operand.low, self.operand.high), made) if made else None

    def _ways(self, condition: Condition, factor: str) -> Iterator[tuple[int, int]]:
        """Products, each with some factors that bring it where the condition wants it."""
        allowed = factors_under(self.unit, condition, factor)
        target = condition.target
        assert target is not None
        for value in self.values:
            if value:
                found = target.quotients(value).within(allowed)
                yield from ((value, times) for times in islice(found, _FACTORS))
            elif 0 in target:
                yield value, allowed.low


def check_products(
    unit: PipelineUnit, wanted: Bin, operand: Interval, certificate: ProductCertificate
) -> bool:
    """Whether a certificate proves that no product of two integers of `operand` hits a bin."""
    if operand.high - operand.low >= MOST_OPERANDS:
        return False
    made = {a * b for a in range(operand.low, operand.high + 1) for b in range(operand.low, a + 1)}
    if certificate != ProductCertificate((operand.low, operand.high), len(made)):
        return False
    for condition in wanted.conditions:
        factor = factor_before(unit, condition, operand)
        if factor is None or condition.target is None:
            return False
        allowed = factors_under(unit, condition, factor)
        if any(_reaches(value, allowed, condition.target) for value in made):
            return False
    return True


def factor_before(unit: PipelineUnit, condition: Condition, operand: Interval) -> str | None:
    """The register that multiplies before the value a condition looks at; empty: nothing does.

    None if something else stands before it, if the multiplication's register loses bits, or if the
    condition is more than a residue class of that value.
    """
    if condition.target is None or condition.events or condition.without or condition.minus is not None:
        return None
    passed = condition.stage + (condition.at is At.EXACT)
    if passed == 0:
        return ""
    first = unit.stages[0]
    name = field_name(first.by) if isinstance(first, Multiply) and first.by == field_name(first.by) else None
    if passed > 1 or name is None:
        return None
    if condition.at is At.ENTERING and first.register is not None:
        exact = first.exact_reach(operand * operand, unit.ranges)
        if not exact.within(Interval.of(first.register)):
            return None
    shared = [
        pin for pin in condition.pins if len(pin.operands) > 1 and name in map(field_name, pin.operands)
    ]
    return None if shared else name


def factors_under(unit: PipelineUnit, condition: Condition, factor: str) -> Interval:
    """What the factor may be under a condition's pins; without a factor 1."""
    if not factor:
        return Interval(1, 1)
    held = [pin.value for pin in condition.pins if pin.operands == (factor,)]
    return Interval(held[0], held[0]) if held else unit.ranges[factor]


def _reaches(value: int, factors: Interval, target: Residues) -> bool:
    """Whether some factor brings a value to a target: every root of the congruence is tried."""
    common = gcd(value, target.modulus)
    if target.residue % common:
        return False
    period = target.modulus // common
    root = target.residue // common * pow(value // common, -1, period) % period
    first = factors.low + (root - factors.low) % period
    return any(target.low <= value * times <= target.high for times in range(first, factors.high + 1, period))
