"""Autoencoders: how well each sample is reconstructed, and how well that tells anomalies (AUC)."""

from __future__ import annotations

from typing import Any

import numpy as np

from npusim.evaluation.intervals import auc, paired_auc_interval
from npusim.evaluation.measures.base import Answers, Array, Measure, Records


class Reconstruction(Measure):
    """A sample's score is the mean squared error of its windows; labels: 0 is normal, else an anomaly."""

    def record(self, answers: Answers) -> Records:
        labels = answers.labels
        kept: Records = {"labels": np.full(answers.samples, -1) if labels is None else labels}
        if answers.inputs is None:
            return kept
        kept["integer_error"] = self._error(answers, answers.integer[self.first])
        if answers.real is not None:
            kept["float_error"] = self._error(answers, answers.real[self.first])
        return kept

    @staticmethod
    def _error(answers: Answers, made: Array) -> Array:
        assert answers.inputs is not None
        wanted = answers.inputs.reshape(answers.samples, -1)
        pairs = zip(wanted, made.reshape(answers.samples, -1), strict=True)
        return np.array([np.mean((one.astype(np.float64) - other) ** 2) for one, other in pairs])

    def conclude(self, records: Records) -> dict[str, Any]:
        anomalous = records["labels"] > 0
        told = bool((records["labels"] >= 0).all()) and 0 < anomalous.sum() < len(anomalous)
        found: dict[str, Any] = {}
        for side in ("float", "integer"):
            error = records.get(f"{side}_error")
            if error is not None:
                found[side] = {"error": float(error.mean()), "auc": auc(error, anomalous) if told else None}
        if told and "float_error" in records:
            both = records["float_error"], records["integer_error"]
            found["difference"] = {
                "auc": {
                    "mean": found["integer"]["auc"] - found["float"]["auc"],
                    "interval": paired_auc_interval(*both, anomalous),
                }
            }
        return found
