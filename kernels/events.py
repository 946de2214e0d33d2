"""A4: how often each stage did what, and where first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.spec.events import Event

KINDS = tuple(Event)
"""The columns of the counts."""

NEVER = np.iinfo(np.int64).max
"""Where an event happened first if it never did."""


class EventCounts:
    """Events of a pipeline, per stage and kind.

    Attributes
    ----------
    counts : int64[stages, kinds]
        How many values had the event.
    first : int64[stages, kinds]
        The least linear index it happened at; `NEVER` if it did not.

    Examples
    --------
    >>> counts = EventCounts(2)
    >>> counts.count(0, Event.TIE), counts.first_index(0, Event.TIE)
    (0, None)
    """

    def __init__(self, stages: int) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros((stages, len(KINDS)), np.int64)
        self.first: npt.NDArray[np.int64] = np.full((stages, len(KINDS)), NEVER, np.int64)

    def count(self, stage: int, event: Event) -> int:
        """How many values had this event at this stage."""
        return int(self.counts[stage, KINDS.index(event)])

    def first_index(self, stage: int, event: Event) -> int | None:
        """The least linear index of this event at this stage; None: it never happened."""
        found = int(self.first[stage, KINDS.index(event)])
        return None if found == NEVER else found

    def merge(self, other: EventCounts) -> None:
        """Take in another part's events: counts add, the first of both firsts stays."""
        self.counts += other.counts
        np.minimum(self.first, other.first, out=self.first)
