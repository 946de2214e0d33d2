"""Each task's measure against the plain definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.evaluation.measures.base import Answers
from npusim.evaluation.measures.classification import label_ranks
from npusim.evaluation.measures.detection import box_overlap, corners
from npusim.evaluation.measures.registry import guess_task, measure_for
from npusim.task import Task, TaskKind


def judged(
    kind: TaskKind, real: Any, integer: Any, labels: Any = None, inputs: Any = None, **settings: Any
) -> tuple[dict[str, Any], list[tuple[int, int, int]]]:
    """What a measure concludes from answers seen in two pieces."""
    first = np.asarray(real)
    real, integer = (
        {"y": np.asarray(side)} if not isinstance(side, dict) else side for side in (real, integer)
    )
    shapes = {name: values.shape[1:] for name, values in integer.items()}
    measure = measure_for(Task(kind=kind, **settings), shapes)
    samples = len(next(iter(real.values()))) if first.dtype == object else len(first)
    pieces = []
    for part in (slice(0, 1), slice(1, samples)):
        pieces.append(
            measure.record(
                Answers(
                    len(range(samples)[part]),
                    None if inputs is None else np.asarray(inputs)[part],
                    {name: values[part] for name, values in real.items()},
                    {name: values[part] for name, values in integer.items()},
                    None if labels is None else np.asarray(labels)[part],
                )
            )
        )
    records = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return measure.conclude(records), measure.disagreements(records)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=5), st.integers(0, 6)
)
def test_ranks_are_places_in_the_sorted_scores(rows: list[list[int]], label: int) -> None:
    wanted = [sorted(range(7), key=lambda c: (-row[c], c)).index(label) for row in rows]
    assert label_ranks(np.array(rows), np.full(len(rows), label)).tolist() == wanted


def test_classification() -> None:
    real = np.eye(7)[[0, 1, 2, 3]]
    integer = np.eye(7)[[0, 1, 5, 4]]
    found, differing = judged(TaskKind.CLASSIFICATION, real, integer, [0, 0, 5, 3])
    assert found["float"] == {"top1": 0.5, "top5": 0.75}  # of equal scores the lower class comes first
    assert found["integer"] == {"top1": 0.5, "top5": 1.0}
    assert found["agreement"] == 0.5
    assert found["difference"]["top1"] | {"interval": None} == {
        "mean": 0.0,
        "interval": None,
        "gained": 1,
        "lost": 1,
    }
    assert differing == [(2, 2, 5), (3, 3, 4)]


def test_a_label_that_is_no_class_leaves_no_accuracy() -> None:
    found, _ = judged(TaskKind.CLASSIFICATION, np.eye(3), np.eye(3), [1, 2, 3])
    assert found["integer"] == {"top1": None, "top5": None}
    assert found["notes"] == ["no accuracy: a label, 3, is no class of the network (0..2)"]
    offset, _ = judged(TaskKind.CLASSIFICATION, np.eye(3), np.eye(3), [1, 2, 3], label_offset=-1)
    assert offset["integer"]["top1"] == 1.0


def test_networks_that_end_in_argmax() -> None:
    found, differing = judged(TaskKind.CLASSIFICATION, [[3.0], [4.0]], [[3], [5]], [3, 5])
    assert (found["float"]["top1"], found["integer"]["top1"], found["agreement"]) == (0.5, 1.0, 0.5)
    assert differing == [(1, 4, 5)]


@pytest.mark.parametrize("scored", [True, False])
def test_segmentation(scored: bool) -> None:
    real = np.array([[[0, 0], [1, 2]], [[1, 1], [1, 1]]])
    integer = np.array([[[0, 1], [1, 2]], [[1, 1], [1, 0]]])
    sides = [np.eye(4)[side] if scored else side for side in (real, integer)]
    found, _ = judged(TaskKind.SEGMENTATION, *sides)
    assert found["agreement"] == 6 / 8
    assert found["miou"] == pytest.approx(np.mean([1 / 3, 4 / 6, 1]))  # class 3 occurs nowhere
    assert found["worst_image"] == {"index": 0, "agreement": 0.75}


def test_reconstruction() -> None:
    inputs = np.array([[0.0, 0], [0, 0], [0, 0], [0, 0]])
    real = [[0, 0], [2, 0], [4, 0], [1, 0]]
    integer = [[0, 0], [2, 0], [1, 0], [4, 0]]
    found, _ = judged(TaskKind.RECONSTRUCTION, real, integer, [0, 0, 1, 1], inputs)
    assert found["float"] == {"error": (0 + 2 + 8 + 0.5) / 4, "auc": 0.75}
    assert found["integer"]["auc"] == 0.75
    assert found["difference"]["auc"]["mean"] == 0.0
    assert judged(TaskKind.RECONSTRUCTION, real, integer, None, inputs)[0]["float"]["auc"] is None


def test_embedding() -> None:
    found, _ = judged(TaskKind.EMBEDDING, [[1.0, 0], [3, 4], [0, 0]], [[2.0, 0], [4, 3], [0, 0]])
    assert found["cosine"] == pytest.approx({"mean": (1 + 0.96 + 1) / 3, "least": 0.96, "least_index": 1})


@pytest.mark.parametrize(("fires", "rests"), [([-2.0, 2.0], [2.0, -2.0]), ([0.25, 0.75], [0.75, 0.25])])
def test_detection(fires: list[float], rests: list[float]) -> None:
    """Three anchors: one fires in both with equal boxes, one in both with other boxes, one in float alone."""
    near, far = [0.0, 0, 0, 0], [20.0, 0, 0, 0]
    real = {"s": np.array([[fires, fires, fires]] * 2), "b": np.array([[near, near, near]] * 2)}
    integer = {"s": np.array([[fires, fires, rests]] * 2), "b": np.array([[near, far, near]] * 2)}
    found, _ = judged(TaskKind.DETECTION, real, integer)
    assert (found["float"]["detections"], found["integer"]["detections"]) == (6, 4)
    assert found["agreement"] == 2 / 3
    assert found["boxes"] == pytest.approx(
        {"matched": 2, "recall": 1 / 3, "precision": 1 / 2, "overlap": 0.5, "overlap_of_all_anchors": 2 / 3}
    )


def test_anchors_fire_from_the_probability_asked_for() -> None:
    box = np.zeros((2, 1, 4))
    for scores in (np.array([[[0.0, np.log(3.0)]]] * 2), np.array([[[0.25, 0.75]]] * 2)):
        side = {"s": scores, "b": box}
        for score, fired in ((0.7, 2), (0.8, 0)):
            found, _ = judged(TaskKind.DETECTION, side, side, score=score)
            assert found["float"]["detections"] == fired


def test_boxes_of_one_anchor_overlap_alike_wherever_it_lies() -> None:
    """The overlap in units of the anchor is that of the decoded boxes (SSD, section 2.2)."""
    random = np.random.default_rng(0)
    offsets = random.normal(size=(2, 50, 4))
    centre, size = random.uniform(0, 300, (50, 2)), random.uniform(5, 90, (50, 2))
    decoded = []
    for side in offsets:
        middle = centre + 0.1 * side[:, :2] * size
        half = size * np.exp(0.2 * side[:, 2:]) / 2
        decoded.append(np.concatenate([middle - half, middle + half], axis=1))
    units = [corners(side, (0.1, 0.2)) for side in offsets]
    np.testing.assert_allclose(box_overlap(*units), box_overlap(*decoded))


def test_box_overlap_by_counting_cells() -> None:
    random = np.random.default_rng(2)
    low = random.integers(0, 6, (40, 2, 2))
    boxes = np.concatenate([low, low + random.integers(1, 6, (40, 2, 2))], axis=2)
    for one, other in boxes:
        cells = [
            {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in (one, other)
        ]
        wanted = len(cells[0] & cells[1]) / len(cells[0] | cells[1])
        assert box_overlap(one[None], other[None])[0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("inputs", "outputs", "index", "kind"),
    [
        ((8, 8, 3), {"y": (10,)}, False, "classification"),
        ((8, 8, 3), {"y": (1, 1, 10)}, False, "classification"),
        ((8, 8, 3), {"y": (1,)}, True, "classification"),
        ((8, 8, 3), {"y": (8, 8, 21)}, False, "segmentation"),
        ((8, 8, 3), {"y": (8, 8)}, True, "segmentation"),
        ((640,), {"y": (640,)}, False, "reconstruction"),
        ((8, 8, 3), {"features": (64,)}, False, "embedding"),
        ((8, 8, 3), {"scores": (44, 2), "boxes": (44, 4)}, False, "detection"),
        ((8, 8, 3), {"boxes": (44, 4), "scores": (44, 2)}, False, "detection"),
        ((8, 8, 3), {"y": (8, 8)}, False, "fidelity"),
        ((8, 8, 3), {"y": (1,)}, False, "fidelity"),
    ],
)
def test_the_task_that_shapes_suggest(inputs: Any, outputs: Any, index: bool, kind: str) -> None:
    assert guess_task({"x": inputs}, outputs, index=index) == kind


def test_a_detector_needs_scores_and_boxes() -> None:
    with pytest.raises(InputError, match="no outputs of a detector"):
        measure_for(Task(kind=TaskKind.DETECTION), {"y": (10,)})
