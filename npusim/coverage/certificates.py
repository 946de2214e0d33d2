"""Why a bin cannot be hit: plain data, which `checker` re-checks without knowing how it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """Every value at one place is a multiple of `multiple` between `low` and `high`."""

    low: int
    high: int
    multiple: int = 1


@dataclass(frozen=True)
class Product:
    """A value that would have to be a product, and its prime factors."""

    value: int
    factors: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """The argument for some values of one register.

    Attributes
    ----------
    register
        Name, least and greatest value of the register this case is about; None: one case for all.
    spans
        Of what enters each stage, up to the value that the condition looks at.
    digits
        The last span's values have at most so many significant bits, which no allowed value has.
    products
        All values in the last span that the condition allows: each would have to be made by the
        multiplication before it, and no way to take it apart fits; behind shifts, all values that
        they would make one of them.
    """

    register: tuple[str, int, int] | None
    spans: tuple[Span, ...]
    digits: int | None = None
    products: tuple[Product, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """For each condition of a bin, cases that leave nothing out."""

    refutations: tuple[tuple[Case, ...], ...]

    def plain(self) -> list[Any]:
        """As JSON-like data."""
        return [
            [
                {
                    "register": None if case.register is None else list(case.register),
                    "spans": [[span.low, span.high, span.multiple] for span in case.spans],
                    "digits": case.digits,
                    "products": [[product.value, list(product.factors)] for product in case.products],
                }
                for case in cases
            ]
            for cases in self.refutations
        ]
