"""Detection: which anchors fire in both models, and how far their boxes overlap.

Both models share their anchors, and intersection over union does not change when an axis is shifted
or scaled: boxes of one anchor are compared in units of that anchor, whatever it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.evaluation.measures.base import Answers, Array, Measure, Records
from npusim.task import Task


class Detection(Measure):
    """Per image: anchors that fire in float, in integers, in both with the same class and box."""

    def __init__(self, task: Task, outputs: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__(task, outputs)
        found = detection_outputs(outputs)
        if found is None:
            shapes = ", ".join(f"{name} {list(shape)}" for name, shape in outputs.items())
            allowed = "scores [anchors, classes] and boxes [anchors, 4]"
            raise InputError("no outputs of a detector", key="task", found=shapes, allowed=allowed)
        self._scores, self._boxes = found

    def record(self, answers: Answers) -> Records:
        if answers.real is None:
            return {}
        names = self._scores, self._boxes
        outputs = [side[name] for side in (answers.real, answers.integer) for name in names]
        return {"anchors": np.array([self._one(*image) for image in zip(*outputs, strict=True)], np.float64)}

    def _one(self, scores: Array, boxes: Array, other_scores: Array, other_boxes: Array) -> list[float]:
        overlap = self._overlap(boxes, other_boxes)
        chances = (lambda found: found) if distributions(scores) else probabilities
        real, integer = self._fired(chances(scores)), self._fired(chances(other_scores))
        both = (real > 0) & (real == integer)
        matched = both & (overlap >= self.task.overlap)
        return [
            float(np.count_nonzero(real)),
            float(np.count_nonzero(integer)),
            float(np.count_nonzero(matched)),
            float(overlap[both].sum()),
            float(np.count_nonzero(both)),
            float(np.count_nonzero(real == integer)),
            float(overlap.sum()),
            float(len(overlap)),
        ]

    def _fired(self, chances: Array) -> npt.NDArray[np.int64]:
        """The class of each anchor; 0, the background, where no other reaches the probability asked for."""
        chances = chances[:, 1:]
        best = chances.argmax(axis=1)
        return np.where(chances[np.arange(len(best)), best] >= self.task.score, best + 1, 0)

    def _overlap(self, real: Array, integer: Array) -> npt.NDArray[np.float64]:
        return box_overlap(*(corners(offsets, self.task.variances) for offsets in (real, integer)))

    def conclude(self, records: Records) -> dict[str, Any]:
        if "anchors" not in records:
            return {}
        real, integer, matched, overlap, both, same, all_overlap, anchors = records["anchors"].sum(axis=0)
        return {
            "float": {"detections": int(real)},
            "integer": {"detections": int(integer)},
            "agreement": float(same / anchors),
            "boxes": {
                "matched": int(matched),
                "recall": float(matched / real) if real else None,
                "precision": float(matched / integer) if integer else None,
                "overlap": float(overlap / both) if both else None,
                "overlap_of_all_anchors": float(all_overlap / anchors),
            },
        }


def detection_outputs(outputs: Mapping[str, tuple[int, ...]]) -> tuple[str, str] | None:
    """The names of scores (anchors, classes) and boxes (anchors, 4); None if there are none."""
    flat = {name: shape for name, shape in outputs.items() if len(shape) == 2}
    for boxes, shape in reversed(flat.items()):
        for scores, other in flat.items():
            if scores != boxes and shape[1] == 4 and other[0] == shape[0] and other[1] >= 2:
                return scores, boxes
    return None


def distributions(scores: Array) -> bool:
    """Whether scores are probabilities already: a network may end in its softmax."""
    sums = scores.astype(np.float64).sum(axis=-1)
    return bool((scores >= 0).all() and (np.abs(sums - 1) < 1e-3).all())


def probabilities(scores: Array) -> npt.NDArray[np.float64]:
    """Softmax over the last axis."""
    raised = np.exp(scores.astype(np.float64) - scores.max(axis=-1, keepdims=True))
    made: npt.NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return made


def corners(offsets: Array, variances: tuple[float, float]) -> npt.NDArray[np.float64]:
    """SSD's box offsets (x, y, width, height) as (left, top, right, bottom) in units of the anchor."""
    centre = offsets[:, :2].astype(np.float64) * variances[0]
    half = np.exp(np.clip(offsets[:, 2:].astype(np.float64) * variances[1], -50, 50)) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def box_overlap(one: Array, other: Array) -> npt.NDArray[np.float64]:
    """Intersection over union of boxes (left, top, right, bottom), pair by pair.

    Examples
    --------
    >>> box_overlap(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])).round(3).tolist()
    [0.333]
    """
    low, high = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    inside = np.prod(np.maximum(high - low, 0), axis=1)
    areas = [np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (one, other)]
    made: npt.NDArray[np.float64] = inside / (areas[0] + areas[1] - inside)
    return made
