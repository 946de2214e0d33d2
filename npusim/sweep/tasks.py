"""One point, ready to be computed anywhere: everything it depends on, by content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from npusim.sweep.inputs import Bundle, Rows

Plain = dict[str, Any]

_TALK = ("name", "title", "source", "evidence", "variant")
"""What datapaths and recipes say about themselves; no bit depends on it."""


@dataclass(frozen=True)
class PointTask:
    """A point to compute.

    Attributes
    ----------
    label_offset
        None: what the network's task says.
    datapath, recipe
        Resolved, as plain data.
    images
        How many of the data's rows.
    step_images
        SQNR of single steps is taken over so many of them.
    code
        The digest of the code that is to compute it.
    """

    network: Bundle
    data: tuple[Rows, ...]
    calibration: Rows | None
    label_offset: int | None
    images: int
    step_images: int
    datapath: Plain
    recipe: Plain
    code: str

    @cached_property
    def digest(self) -> str:
        """Equal for two points exactly if everything that can change their results is."""
        content = {
            "code": self.code,
            "network": self.network.digest,
            "data": [rows.key for rows in self.data],
            "calibration": None if self.calibration is None else self.calibration.key,
            "label_offset": self.label_offset,
            "images": self.images,
            "step_images": self.step_images,
            "datapath": _silent(self.datapath),
            "recipe": _silent(self.recipe),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def bundles(self) -> list[Bundle]:
        """Every input."""
        rows = [*self.data, *([] if self.calibration is None else [self.calibration])]
        return [self.network, *(part.bundle for part in rows)]


def _silent(data: Plain) -> Plain:
    return {key: value for key, value in data.items() if key not in _TALK}
