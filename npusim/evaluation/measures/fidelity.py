"""Networks without a task of their own: the SQNR of their outputs says it all."""

from __future__ import annotations

from typing import Any

from npusim.evaluation.measures.base import Answers, Measure, Records


class Fidelity(Measure):
    """Nothing besides SQNR."""

    def record(self, answers: Answers) -> Records:
        return {}

    def conclude(self, records: Records) -> dict[str, Any]:
        return {}
