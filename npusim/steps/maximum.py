"""The maximum step: the larger of two codes (W6, W7)."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Choice
from npusim.steps.extreme import ExtremeStep


class MaximumStep(ExtremeStep):
    """The larger of two tensors' codes."""

    kind: ClassVar[str] = "maximum"
    choice: ClassVar[Choice] = Choice.MAXIMUM

    step: Literal["maximum"] = "maximum"
