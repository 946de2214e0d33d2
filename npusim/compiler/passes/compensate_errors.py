"""Error compensation (GPTQ, arXiv 2210.17323; algorithms.md 7.6)."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.compiler.lattice import Quadratic
from npusim.compiler.rerounding import Matrix, Rerounding


class CompensateErrors(Rerounding):
    """Round a row's weights one after the other, each making up for what rounding those before it did.

    By the second moments of what the layer reads, from a Cholesky factor of them (Babai's nearest plane: the
    same codes as GPTQ's column by column updates with the inverse). Codes may end up several steps from their
    weights. Then `sweeps` of coordinate descent, which change single codes as long as that helps.
    """

    kind: ClassVar[str] = "compensate_errors"

    pass_: Literal["compensate_errors"] = Field("compensate_errors", alias="pass")
    sweeps: int = Field(0, ge=0, le=100)

    def choose(self, problem: Quadratic, scaled: Matrix, before: Matrix, greatest: int) -> Matrix:
        codes = problem.nearest_plane(greatest)
        bound = np.full_like(codes, greatest)
        return problem.descend(codes, -bound, bound, self.sweeps)
