"""The smallest sets of single-rule changes that turn one rescale's answers into the answers seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Change, Pipeline
from npusim.analysis.changes import catalogue
from npusim.analysis.rescale import Rescale, Words
from npusim.errors import InputError

_POINTS = 384
"""Values of each kind, differing and equal, on which candidates are tried before all values are."""


@dataclass(frozen=True, eq=False)
class Observed:
    """What a device made of some values.

    Attributes
    ----------
    values, results : int64[rows, channels]
    """

    values: Words
    results: Words


@dataclass(frozen=True, eq=False)
class _Points:
    """Some of the observed values, each as a channel of its own."""

    channels: npt.NDArray[np.intp]
    values: Words
    results: Words


def explain(
    rescale: Rescale, pipeline: Pipeline, observed: Observed, most: int = 2
) -> list[tuple[Change, ...]]:
    """All smallest sets of changes that explain everything observed.

    Parameters
    ----------
    most
        The greatest size of a set that is tried.

    Returns
    -------
    list
        Empty: no set of up to `most` changes does. One empty set: nothing needs to be explained.
    """
    points = _points(rescale, observed)
    if _agrees(rescale, observed):
        return [()]
    singles = catalogue(rescale.stages, pipeline)
    found: list[tuple[Change, ...]] = [
        (one,) for one in singles if _explains(rescale, (one,), points, observed)
    ]
    if found or most < 2:
        return found
    pairs: dict[frozenset[str], tuple[Change, ...]] = {}
    for first in singles:
        changed = _changed(rescale, (first,))
        if changed is None:
            continue
        for second in catalogue(changed.stages, pipeline):
            names = frozenset((first.text, second.text))
            if names not in pairs and _explains(rescale, (first, second), points, observed):
                pairs[names] = (first, second)
    return list(pairs.values())


def apply_all(rescale: Rescale, changes: Sequence[Change]) -> Rescale:
    """A rescale with changes made one after the other."""
    for change in changes:
        rescale = change.apply(rescale)
    return rescale


def _changed(rescale: Rescale, changes: Sequence[Change]) -> Rescale | None:
    """The changed rescale; None if it is none that can be computed."""
    changed = apply_all(rescale, changes)
    try:
        _ = changed.columns(slice(0, 1)).plan
    except InputError:
        return None
    return changed


def _points(rescale: Rescale, observed: Observed) -> _Points:
    """A sample of both kinds of values, spread over rows and channels."""
    wrong = (rescale.run(observed.values) != observed.results).reshape(-1)
    chosen = np.concatenate([_spread(np.flatnonzero(kind)) for kind in (wrong, ~wrong)])
    channels = chosen % rescale.channels
    return _Points(
        channels, observed.values.reshape(1, -1)[:, chosen], observed.results.reshape(1, -1)[:, chosen]
    )


def _spread(indices: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    if indices.size <= _POINTS:
        return indices
    return np.random.default_rng(0).choice(indices, _POINTS, replace=False)


def _explains(rescale: Rescale, changes: Sequence[Change], points: _Points, observed: Observed) -> bool:
    changed = _changed(rescale, changes)
    if changed is None:
        return False
    try:
        few = changed.columns(points.channels).run(points.values)
        return bool((few == points.results).all()) and _agrees(changed, observed)
    except InputError:
        return False


def _agrees(rescale: Rescale, observed: Observed) -> bool:
    return bool((rescale.run(observed.values) == observed.results).all())
