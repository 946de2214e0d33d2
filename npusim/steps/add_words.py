"""The add_words step: addition of integers (W5)."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Combination
from npusim.steps.binary_words import BinaryWordsStep


class AddWordsStep(BinaryWordsStep):
    """An elementwise addition of two tensors of integers."""

    kind: ClassVar[str] = "add_words"
    combination: ClassVar[Combination] = Combination.SUM

    step: Literal["add_words"] = "add_words"
