"""A1 once more, on arrays and by comparing remainders: an accelerator, itself checked against the spec."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.spec.rounding import Rounding

Ints = npt.NDArray[np.int64]


def exact_shift(values: Ints, shift: int, rule: Rounding) -> Ints:
    """`values` / 2**`shift`, rounded; values and 2**shift far below the word."""
    quotient, rest = np.divmod(values, 1 << shift)
    twice = np.sign(2 * rest - (1 << shift))
    up, tie, inexact, negative = twice > 0, twice == 0, rest > 0, values < 0
    rounds_up = {
        Rounding.FLOOR: np.zeros_like(up),
        Rounding.HALF_UP: up | tie,
        Rounding.HALF_DOWN: up,
        Rounding.HALF_TOWARD_ZERO: up | (tie & negative),
        Rounding.HALF_AWAY: up | (tie & ~negative),
        Rounding.HALF_EVEN: up | (tie & (quotient % 2 == 1)),
        Rounding.HALF_ODD: up | (tie & (quotient % 2 == 0)),
        Rounding.TOWARD_ZERO: inexact & negative,
        Rounding.CEIL: inexact,
        Rounding.AWAY: inexact & ~negative,
    }[rule]
    result: Ints = quotient + rounds_up
    return result
