"""What became of each bin."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from npusim.coverage.certificates import Certificate
from npusim.coverage.column_checker import ColumnCertificate
from npusim.coverage.enumeration import EnumerationCertificate
from npusim.coverage.products import ProductCertificate

AnyCertificate = Certificate | ColumnCertificate | EnumerationCertificate | ProductCertificate


class Status(StrEnum):
    """How a bin ends."""

    HIT = "hit"
    """A vector shows it."""
    UNREACHABLE = "unreachable"
    """No vector can; the certificate has been re-checked, or is an enumeration by the spec."""
    UNKNOWN = "unknown"
    """No vector was found, and no argument that there is none: the budget is spent. Steps only."""
    MISSED = "missed"
    """No vector of the set shows it."""


@dataclass(frozen=True)
class Outcome:
    """How one bin ended.

    Attributes
    ----------
    vector
        The index of the first vector that hits it.
    """

    name: str
    status: Status
    vector: int | None = None
    certificate: AnyCertificate | None = None


@dataclass(frozen=True)
class Report:
    """The coverage of a set of vectors on one unit."""

    datapath: str
    unit: str
    vectors: int
    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> dict[Status, int]:
        """How many bins ended in each way."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in Status}

    @property
    def missed(self) -> tuple[str, ...]:
        """The bins that could be hit and are not."""
        return tuple(outcome.name for outcome in self.outcomes if outcome.status is Status.MISSED)

    @property
    def complete(self) -> bool:
        """Whether every bin is hit or certified unreachable."""
        return not self.missed

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {
            "datapath": self.datapath,
            "unit": self.unit,
            "vectors": self.vectors,
            **{status.value: count for status, count in self.counts.items()},
            "bins": [_plain(outcome) for outcome in self.outcomes],
        }


def _plain(outcome: Outcome) -> dict[str, Any]:
    made: dict[str, Any] = {"bin": outcome.name, "status": outcome.status.value}
    if outcome.vector is not None:
        made["vector"] = outcome.vector
    if outcome.certificate is not None:
        made["certificate"] = outcome.certificate.plain()
    return made
