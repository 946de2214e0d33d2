"""The mul step (W5): elementwise products, such as an attention's gate."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Combination
from npusim.steps.binary import BinaryStep


class MulStep(BinaryStep):
    """An elementwise multiplication."""

    kind: ClassVar[str] = "mul"
    combination: ClassVar[Combination] = Combination.PRODUCT

    step: Literal["mul"] = "mul"
