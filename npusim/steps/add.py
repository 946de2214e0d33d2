"""The add step (W5): a residual connection."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Combination
from npusim.steps.binary import BinaryStep


class AddStep(BinaryStep):
    """An elementwise addition."""

    kind: ClassVar[str] = "add"
    combination: ClassVar[Combination] = Combination.SUM

    step: Literal["add"] = "add"
