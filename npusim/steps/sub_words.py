"""The sub_words step: subtraction of integers (W5)."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Combination
from npusim.steps.binary_words import BinaryWordsStep


class SubWordsStep(BinaryWordsStep):
    """An elementwise subtraction of two tensors of integers."""

    kind: ClassVar[str] = "sub_words"
    combination: ClassVar[Combination] = Combination.DIFFERENCE

    step: Literal["sub_words"] = "sub_words"
