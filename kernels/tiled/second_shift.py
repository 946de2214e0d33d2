"""Where a rescale in one shift has the bits that the second of two shifts loses.

With inner constant c, the first shift makes ``(v * factor + c) >> m`` of a value. The rescale multiplies by
``factor * 2**p`` instead, and has all of the product or its high half, h. Where c * 2**p has nothing but a
high half, d, ``(v * factor + c) >> m == (h + d) >> (m + p - 32)``: both sides are the product and c, divided
by 2**m and rounded down, once or in two steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import SecondShift, masks
from npusim.kernels.ops import Words
from npusim.kernels.tiled.constants import RescaleConstants

_HALF_WORD = 32


@dataclass(frozen=True, eq=False)
class AgainMarks:
    """``((v * scaled + added) >> shift) + added_again`` has the lost bits, and only half at a tie.

    Attributes
    ----------
    added, shift, added_again, lost, half : int64[channels]
    exact, tie : int64[channels]
        What the lost bits are where nothing is lost, and at a tie, if the rescale's addend is in the place of
        `added_again`.
    """

    added: Words
    shift: Words
    added_again: Words
    lost: Words
    half: Words
    exact: Words
    tie: Words


def again_marks(second: SecondShift, rescale: RescaleConstants) -> AgainMarks | None:
    """Those of a second shift; None if the rescale does not have its bits."""
    if rescale.form is Form.HALVES:
        return None
    wide, found = rescale.form.is_wide, []
    columns = second.factor, rescale.scaled, second.first, second.constant, second.lost
    for factor, scaled, first, constant, lost in np.stack(columns, axis=1).tolist():
        if factor == 0:  # always the same result
            found.append((constant, first, 0, 0) if wide else (0, _HALF_WORD, constant >> first, 0))
            continue
        power = scaled.bit_length() - factor.bit_length()
        moved, left = divmod(constant << max(power, 0), 1 << max(-power, 0))
        if scaled << max(-power, 0) != factor << max(power, 0) or left or first + power < 0:
            return None
        high, low = divmod(moved, 1 << _HALF_WORD)
        up = first + power - _HALF_WORD
        if not wide and (low or up < 0 or up + lost > _HALF_WORD):
            return None
        found.append((moved, first + power, 0, 0) if wide else (0, _HALF_WORD, high, up))
    added, shift, added_again, up = np.array(found, np.int64).T
    bits, half = masks(second.lost)
    half = np.where(bits > 0, np.left_shift(half, up), half)
    lost, more = np.left_shift(bits, up), rescale.added - added_again
    if not wide and np.any(more & (np.left_shift(1, up) - 1)):
        return None
    exact = more & lost
    # Where nothing is lost, a number that no masked one equals.
    tie = np.where(bits > 0, (more + half) & lost, 1)
    return AgainMarks(added, shift, added_again, lost, half, exact, tie)
