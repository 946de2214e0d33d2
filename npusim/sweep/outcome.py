"""What became of a point, and the folder that keeps it: one small file per point."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from npusim.files.atomic import write_text

Measures = dict[str, int | float | str | None]


class Status(StrEnum):
    """How computing a point ended."""

    OK = "ok"
    REFUSED = "refused"
    """The datapath, the recipe or the program is not legal; the reason says why."""
    ERROR = "error"
    """It could not be computed: out of memory, a lost worker. Tried again by the next run."""


@dataclass(frozen=True)
class Timing:
    """What differs from run to run."""

    compile_seconds: float = 0.0
    run_seconds: float = 0.0
    host: str = ""
    process: int = 0


@dataclass(frozen=True)
class Outcome:
    """A point's result.

    Attributes
    ----------
    measures
        By column of the table; none unless the status is ok.
    """

    digest: str
    status: Status
    reason: str = ""
    measures: Measures = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)


class Store:
    """Finished points in a folder, by digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "points"
        self._folder.mkdir(parents=True, exist_ok=True)

    def tidy(self) -> None:
        """Remove what a killed process left half-written; nobody else may be writing."""
        for path in self._folder.glob(".*.tmp.json"):
            path.unlink(missing_ok=True)

    def keep(self, outcome: Outcome) -> None:
        """Write a point whole or not at all. Errors are not kept: the next run tries again."""
        if outcome.status is not Status.ERROR:
            write_text(self._path(outcome.digest), json.dumps(asdict(outcome), indent=1) + "\n")

    def find(self, digest: str) -> Outcome | None:
        """A finished point; None if there is none, or its file is damaged."""
        try:
            data: dict[str, Any] = json.loads(self._path(digest).read_text(encoding="utf-8"))
            timing = Timing(**data.pop("timing"))
            found = Outcome(**{**data, "status": Status(data["status"]), "timing": timing})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return found if found.digest == digest else None

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"
