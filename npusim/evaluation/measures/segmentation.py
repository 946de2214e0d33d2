"""Segmentation: how many pixels both models give the same class, and mean intersection over union."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.evaluation.measures.base import Answers, Array, Measure, Records


class Segmentation(Measure):
    """A confusion matrix per image, float's classes in rows; the float map is the truth."""

    def record(self, answers: Answers) -> Records:
        if answers.real is None:
            return {}
        real, integer = self._map(answers.real), self._map(answers.integer)
        return {
            "confusion": np.stack(
                [confusion(one, other, self._classes) for one, other in zip(real, integer, strict=True)]
            )
        }

    @property
    def _classes(self) -> int:
        """Maps of indices say nothing of how many classes there are; bytes hold any palette."""
        shape = self.outputs[self.first]
        return shape[2] if len(shape) == 3 and shape[2] > 1 else 256

    def _map(self, outputs: Any) -> Array:
        scores: Array = outputs[self.first]
        if scores.ndim == 4 and scores.shape[-1] > 1:
            found: Array = scores.argmax(axis=-1)
            return found
        return scores.reshape(len(scores), -1).astype(np.int64)

    def conclude(self, records: Records) -> dict[str, Any]:
        if "confusion" not in records:
            return {}
        per_image = records["confusion"]
        equal = np.trace(per_image, axis1=1, axis2=2) / per_image.sum(axis=(1, 2))
        total = per_image.sum(axis=0)
        return {
            "agreement": float(np.trace(total) / total.sum()),
            "miou": mean_iou(total),
            "worst_image": {"index": int(equal.argmin()), "agreement": float(equal.min())},
        }


def confusion(real: Array, integer: Array, classes: int) -> npt.NDArray[np.int64]:
    """How many pixels each pair of classes has, (float's, integers').

    Examples
    --------
    >>> confusion(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    pairs = real.reshape(-1).astype(np.int64) * classes + integer.reshape(-1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def mean_iou(table: Array) -> float:
    """Mean over the classes that occur in either map of intersection over union.

    Examples
    --------
    >>> mean_iou(np.array([[1, 0], [1, 1]]))
    0.5
    """
    inside = np.diag(table)
    union = table.sum(axis=0) + table.sum(axis=1) - inside
    occurs = union > 0
    return float((inside[occurs] / union[occurs]).mean())
