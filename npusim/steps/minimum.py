"""The minimum step: the smaller of two codes (W6, W7)."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Choice
from npusim.steps.extreme import ExtremeStep


class MinimumStep(ExtremeStep):
    """The smaller of two tensors' codes."""

    kind: ClassVar[str] = "minimum"
    choice: ClassVar[Choice] = Choice.MINIMUM

    step: Literal["minimum"] = "minimum"
