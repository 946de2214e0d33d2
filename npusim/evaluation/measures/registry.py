"""Which measure serves which task, and which task a network has if nobody says."""

from __future__ import annotations

from collections.abc import Mapping

from npusim.evaluation.measures.base import Measure
from npusim.evaluation.measures.classification import Classification
from npusim.evaluation.measures.detection import Detection, detection_outputs
from npusim.evaluation.measures.embedding import Embedding
from npusim.evaluation.measures.fidelity import Fidelity
from npusim.evaluation.measures.reconstruction import Reconstruction
from npusim.evaluation.measures.segmentation import Segmentation
from npusim.task import Task, TaskKind

MEASURES: dict[TaskKind, type[Measure]] = {
    TaskKind.CLASSIFICATION: Classification,
    TaskKind.SEGMENTATION: Segmentation,
    TaskKind.DETECTION: Detection,
    TaskKind.RECONSTRUCTION: Reconstruction,
    TaskKind.EMBEDDING: Embedding,
    TaskKind.FIDELITY: Fidelity,
}

Shapes = Mapping[str, tuple[int, ...]]
_EMBEDDINGS = ("features", "embedding", "embeddings")


def guess_task(inputs: Shapes, outputs: Shapes, *, index: bool) -> TaskKind:
    """The task that a network's shapes suggest.

    Parameters
    ----------
    inputs, outputs
        Shapes without the batch.
    index
        Whether the first output holds indices, the answer of an argmax.

    Examples
    --------
    >>> guess_task({"x": (224, 224, 3)}, {"logits": (1000,)}, index=False)
    <TaskKind.CLASSIFICATION: 'classification'>
    >>> guess_task({"x": (640,)}, {"y": (640,)}, index=False)
    <TaskKind.RECONSTRUCTION: 'reconstruction'>
    """
    name, shape = next(iter(outputs.items()))
    if detection_outputs(outputs) is not None:
        return TaskKind.DETECTION
    if shape in inputs.values():
        return TaskKind.RECONSTRUCTION
    if name.lower() in _EMBEDDINGS:
        return TaskKind.EMBEDDING
    scores = [size for size in shape if size > 1]
    if len(scores) == (0 if index else 1):
        return TaskKind.CLASSIFICATION
    if len(shape) in {2, 3} and len(scores) == (2 if index else 3):
        return TaskKind.SEGMENTATION
    return TaskKind.FIDELITY


def measure_for(task: Task, outputs: Shapes) -> Measure:
    """The task's measure over a program's outputs."""
    return MEASURES[task.kind](task, outputs)
