"""Classification: top-1, top-5, and how often both models choose the same class."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.evaluation.intervals import paired_interval, share_interval
from npusim.evaluation.measures.base import Answers, Array, Measure, Records

TOP = 5
_UNKNOWN = -1
_NO_LABEL = int(np.iinfo(np.int64).min)


class Classification(Measure):
    """First choices, and the label's rank among the scores; the first of equal scores is chosen."""

    def record(self, answers: Answers) -> Records:
        labels = answers.labels
        shifted = np.full(answers.samples, _NO_LABEL) if labels is None else labels + self.task.label_offset
        kept: Records = {"labels": shifted, **self._side("integer", answers.integer[self.first], shifted)}
        if answers.real is not None:
            kept |= self._side("float", answers.real[self.first], shifted)
        return kept

    def _side(self, name: str, scores: Array, labels: npt.NDArray[np.int64]) -> Records:
        scores = scores.reshape(len(scores), -1)
        if not self.scored:
            choices = scores[:, 0].astype(np.int64)
            ranks = np.where(labels < 0, _UNKNOWN, choices != labels)
            return {f"{name}_choice": choices, f"{name}_rank": ranks}
        return {f"{name}_choice": scores.argmax(axis=1), f"{name}_rank": label_ranks(scores, labels)}

    @property
    def scored(self) -> bool:
        """Whether the network answers with scores, not with an index."""
        return int(np.prod(self.outputs[self.first])) > 1

    def conclude(self, records: Records) -> dict[str, Any]:
        sides = [side for side in ("float", "integer") if f"{side}_choice" in records]
        labelled = bool((records["integer_rank"] != _UNKNOWN).all())
        notes = [] if labelled else self._notes(records["labels"])
        found: dict[str, Any] = {"notes": notes} if notes else {}
        found |= {
            side: self._shares(records[f"{side}_rank"]) if labelled else {"top1": None, "top5": None}
            for side in sides
        }
        if "float" not in sides:
            return found
        same = records["float_choice"] == records["integer_choice"]
        found["agreement"] = float(same.mean())
        found["agreement_interval"] = share_interval(int(same.sum()), len(same))
        if labelled:
            found["difference"] = {
                f"top{top}": _difference(records["float_rank"] < top, records["integer_rank"] < top)
                for top in ((1, TOP) if self._has_top5 else (1,))
            }
        return found

    def _notes(self, labels: Array) -> list[str]:
        """Why there is no accuracy, where labels were given."""
        if (labels == _NO_LABEL).all():
            return []
        classes = int(np.prod(self.outputs[self.first]))
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        return [f"no accuracy: a label, {wrong}, is no class of the network (0..{classes - 1})"]

    @property
    def _has_top5(self) -> bool:
        return int(np.prod(self.outputs[self.first])) > TOP

    def _shares(self, ranks: Array) -> dict[str, float | None]:
        return {
            "top1": float((ranks < 1).mean()),
            "top5": float((ranks < TOP).mean()) if self._has_top5 else None,
        }

    def disagreements(self, records: Records) -> list[tuple[int, int, int]]:
        if "float_choice" not in records:
            return []
        real, integer = records["float_choice"], records["integer_choice"]
        return [(int(i), int(real[i]), int(integer[i])) for i in np.flatnonzero(real != integer)]


def label_ranks(scores: Array, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many classes come before the label's; -1 for labels that are no class.

    Of equal scores the lower class comes first.

    Examples
    --------
    >>> label_ranks(np.array([[0.1, 0.5, 0.5]] * 2), np.array([2, 3])).tolist()
    [1, -1]
    """
    classes = scores.shape[1]
    known = (labels >= 0) & (labels < classes)
    place = np.where(known, labels, 0)
    own = scores[np.arange(len(scores)), place][:, None]
    before = np.arange(classes)[None, :] < place[:, None]
    ranks: npt.NDArray[np.int64] = ((scores > own) | ((scores == own) & before)).sum(axis=1)
    return np.where(known, ranks, _UNKNOWN)


def _difference(real: Array, integer: Array) -> dict[str, Any]:
    """Integer minus float, with its paired interval."""
    gained, lost = int((integer & ~real).sum()), int((real & ~integer).sum())
    return {
        "mean": (gained - lost) / len(real),
        "interval": paired_interval(gained, lost, len(real)),
        "gained": gained,
        "lost": lost,
    }
