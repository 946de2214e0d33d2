"""A4 of one step and image as a row of numbers: what counting kernels write."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npusim.kernels.events import NEVER
from npusim.kernels.ops import Words

KINDS_TOLD = 6
"""Below, above, rounded, tie, rounded and tie of a second shift: the order of `EventPlan.kinds`."""

KINDS_KEPT = 16
"""A record has room for so many kinds: those of three pipelines, told by their codes (`coded`)."""

LOWEST, HIGHEST, COUNT, FIRST = 0, 1, 2, 2 + KINDS_KEPT
"""The entries of a record: extremes of the values; by kind how often, and the flat position of the first."""

LENGTH = 2 + 2 * KINDS_KEPT

_LOWEST, _HIGHEST = np.iinfo(np.int64).max, np.iinfo(np.int64).min
_NOTHING = np.array([_LOWEST, _HIGHEST] + [0] * KINDS_KEPT + [NEVER] * KINDS_KEPT, np.int64)


def clear(records: Words) -> None:
    """Set int64[..., LENGTH] back to before the first value."""
    records[...] = _NOTHING


def of_nothing(*shape: int) -> Words:
    """int64[*shape, LENGTH]: records before the first value."""
    made: Words = np.broadcast_to(_NOTHING, (*shape, LENGTH)).copy()
    return made


class Total(NamedTuple):
    """What all images cause in one step, as plain numbers.

    Attributes
    ----------
    lowest, highest
        Extremes of the values.
    counts, images, firsts
        By kind: how often, in which image first, and where there; `NEVER` if it did not happen.
    """

    lowest: int
    highest: int
    counts: list[int]
    images: list[int]
    firsts: list[int]


def totals(records: Words) -> list[Total]:
    """Of records : int64[images, steps, LENGTH], for each step."""
    firsts = records[..., FIRST:]
    images = (firsts != NEVER).argmax(axis=0)
    columns = (
        records[..., LOWEST].min(axis=0),
        records[..., HIGHEST].max(axis=0),
        records[..., COUNT:FIRST].sum(axis=0),
        images,
        np.take_along_axis(firsts, images[np.newaxis], axis=0)[0],
    )
    return [Total(*own) for own in zip(*(column.tolist() for column in columns), strict=True)]


def merged(records: Words) -> Words:
    """int64[..., LENGTH]: several parts of one image : int64[parts, ..., LENGTH] together."""
    made: Words = records.sum(axis=0)
    made[..., LOWEST] = records[..., LOWEST].min(axis=0)
    made[..., HIGHEST] = records[..., HIGHEST].max(axis=0)
    made[..., FIRST:] = records[..., FIRST:].min(axis=0)
    return made
