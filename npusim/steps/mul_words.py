"""The mul_words step: multiplication of integers (W5)."""

from __future__ import annotations

from typing import ClassVar, Literal

from npusim.spec.elementwise import Combination
from npusim.steps.binary_words import BinaryWordsStep


class MulWordsStep(BinaryWordsStep):
    """An elementwise multiplication of two tensors of integers."""

    kind: ClassVar[str] = "mul_words"
    combination: ClassVar[Combination] = Combination.PRODUCT

    step: Literal["mul_words"] = "mul_words"
