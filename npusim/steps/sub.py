"""The sub step (W5): the first tensor less the second."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Combination
from npusim.steps.binary import BinaryStep


class SubStep(BinaryStep):
    """An elementwise subtraction."""

    kind: ClassVar[str] = "sub"
    combination: ClassVar[Combination] = Combination.DIFFERENCE

    step: Literal["sub"] = "sub"
