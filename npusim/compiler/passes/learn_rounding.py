"""Learned rounding (AdaRound, arXiv 2004.10568; algorithms.md 7.2)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.compiler.lattice import Quadratic
from npusim.compiler.rerounding import Matrix, Rerounding


class LearnRounding(Rerounding):
    """Decide for each weight whether to round it up or down, by the layer's squared error.

    AdaRound's problem, solved by coordinate descent instead of by gradients of a relaxed one: it needs no
    training, and what it ends at no single decision improves. The error is that of the sums, not of the
    values after the activation function.

    Attributes
    ----------
    sweeps
        At most so many times over all weights of a row.
    """

    kind: ClassVar[str] = "learn_rounding"

    pass_: Literal["learn_rounding"] = Field("learn_rounding", alias="pass")
    sweeps: int = Field(8, ge=1, le=100)

    def choose(self, problem: Quadratic, scaled: Matrix, before: Matrix, greatest: int) -> Matrix:
        low, high = (np.clip(side(scaled), -greatest, greatest) for side in (np.floor, np.ceil))
        return problem.descend(np.clip(before, low, high), low, high, self.sweeps)
