"""What became of each bin of a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.coverage.report import Status
from npusim.step_coverage.certificates import StepCertificate


@dataclass(frozen=True)
class Where:
    """The output that shows a bin.

    Attributes
    ----------
    pixel
        Row and column; of an elementwise step the flat index of the output.
    channel
        Of the output; None where there are no channels.
    """

    image: int
    pixel: tuple[int, ...]
    channel: int | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        made: dict[str, Any] = {"image": self.image, "pixel": list(self.pixel)}
        return made if self.channel is None else made | {"channel": self.channel}


@dataclass(frozen=True)
class StepOutcome:
    """How one bin ended."""

    name: str
    status: Status
    where: Where | None = None
    certificate: StepCertificate | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        made: dict[str, Any] = {"bin": self.name, "status": self.status.value}
        if self.where is not None:
            made["where"] = self.where.plain()
        if self.certificate is not None:
            made["certificate"] = self.certificate.plain()
        return made


@dataclass(frozen=True)
class StepReport:
    """The coverage of a step.

    Attributes
    ----------
    images
        How many images its inputs have.
    why_not
        Why a step has no bins; empty for steps that have.
    """

    step: str
    kind: str
    images: int = 0
    outcomes: tuple[StepOutcome, ...] = ()
    why_not: str = ""

    @property
    def counts(self) -> dict[Status, int]:
        """How many bins ended in each way."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in Status}

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        made: dict[str, Any] = {"step": self.step, "kind": self.kind, "images": self.images}
        if self.why_not:
            return made | {"why_not": self.why_not}
        counts = {status.value: count for status, count in self.counts.items()}
        return made | counts | {"bins": [outcome.plain() for outcome in self.outcomes]}


@dataclass(frozen=True, eq=False)
class StepCover:
    """A step's report, and inputs that were solved for.

    Attributes
    ----------
    inputs
        By tensor, (images, *shape).
    """

    report: StepReport
    inputs: Mapping[str, npt.NDArray[np.integer]] = field(default_factory=dict)
