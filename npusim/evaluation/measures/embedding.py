"""Embeddings: the cosine between float's vector and that of integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from npusim.evaluation.measures.base import Answers, Measure, Records


class Embedding(Measure):
    """The cosine of each sample."""

    def record(self, answers: Answers) -> Records:
        if answers.real is None:
            return {}
        pairs = zip(answers.real[self.first], answers.integer[self.first], strict=True)
        return {"cosine": np.array([cosine(one, other) for one, other in pairs])}

    def conclude(self, records: Records) -> dict[str, Any]:
        if "cosine" not in records:
            return {}
        found = records["cosine"]
        worst = int(found.argmin())
        return {
            "cosine": {"mean": float(found.mean()), "least": float(found[worst]), "least_index": worst},
        }


def cosine(one: Any, other: Any) -> float:
    """The cosine of two vectors; of a zero vector 1 with another one, else 0.

    Examples
    --------
    >>> cosine([3.0, 4.0], [4.0, 3.0])
    0.96
    """
    a, b = (np.asarray(vector, np.float64).reshape(-1) for vector in (one, other))
    length = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / length if length else float(not a.any() and not b.any())
