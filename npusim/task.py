"""What a network's answers are for: it decides how integers are judged against float."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from npusim.model import Model

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Variance = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TaskKind(StrEnum):
    """The kinds of answers that have a measure of their own."""

    CLASSIFICATION = "classification"
    """A vector of scores, or its argmax: top-1, top-5."""
    SEGMENTATION = "segmentation"
    """Scores per pixel, or their argmax: equal pixels, mean intersection over union."""
    DETECTION = "detection"
    """Scores and box offsets per anchor: which anchors fire, and where their boxes lie."""
    RECONSTRUCTION = "reconstruction"
    """The input again: anomalies are told by its squared error."""
    EMBEDDING = "embedding"
    """A vector that is compared with others: cosine."""
    FIDELITY = "fidelity"
    """Anything else: SQNR alone."""


class Task(Model):
    """A network's task, as its YAML says it.

    Attributes
    ----------
    label_offset
        Added to labels: 1 for networks whose class 0 is "background".
    score
        Detection: the probability from which an anchor fires.
    overlap
        Detection: the intersection over union from which two boxes are the same.
    variances
        Detection: the units of box offsets, (centre, size), as in SSD (Liu et al. 2016).
    """

    kind: TaskKind
    label_offset: int = 0
    score: Share = 0.5
    overlap: Share = 0.5
    variances: tuple[Variance, Variance] = (0.1, 0.2)
