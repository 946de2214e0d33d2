"""Single-rule changes of a table look-up (A8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Change, Family
from npusim.analysis.rescale import Rescale
from npusim.spec.stages import Table

Entries = npt.NDArray[Any]


def table_changes(stage: Table, place: str) -> Iterator[Change]:
    """Another address, or another sign of what is read."""
    count = 1 << stage.index_bits
    which = f"{place}: the table {stage.table}"
    if stage.index_signed:
        half = count // 2
        text = f"{which} is addressed by the code alone, without 2^{stage.index_bits - 1}"
        yield Change(Family.TABLE, text, _entries(stage, partial(_rolled, count=count, by=half)))
    for by, where in ((-1, "high"), (1, "low")):
        text = f"{which} is addressed one entry too {where}"
        yield Change(Family.OFF_BY_ONE, text, _entries(stage, partial(_rolled, count=count, by=by)))
    yield Change(
        Family.TABLE, f"{which} is read from its other end", _entries(stage, lambda t: np.flip(t, 0))
    )
    text = f"{which} is addressed without the lowest bit"
    even = np.arange(count) & ~1
    yield Change(Family.TABLE, text, _entries(stage, lambda t: np.concatenate([t[even], t[count:]])))
    yield Change(Family.TABLE, f"{which} is negated", _entries(stage, lambda t: -t))


def _rolled(entries: Entries, count: int, by: int) -> Entries:
    """Turned round, but for the end of an interpolated table."""
    return np.concatenate([np.roll(entries[:count], by), entries[count:]])


def _entries(stage: Table, change: Callable[[Entries], Entries]) -> Callable[[Rescale], Rescale]:
    def apply(rescale: Rescale) -> Rescale:
        found = change(np.asarray(rescale.fields[stage.table], np.int64))
        return replace(rescale, fields={**rescale.fields, stage.table: found})

    return apply
