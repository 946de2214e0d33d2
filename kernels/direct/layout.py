"""A rescale's constants as `emit.finish` reads them, and the proof that it may."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.emit.count import HALF, MASK
from npusim.kernels.emit.finish import CONSTANT_ROWS, FACTOR, FIRST, SECOND, SHIFT
from npusim.kernels.fuse import Correction, Small, rounding_constants
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan
from npusim.spec.stages import ShiftRight

LANES = 16
_ROOM = 1 << 62


@dataclass(frozen=True, eq=False)
class FinishConstants:
    """What turns sums into codes.

    Attributes
    ----------
    rows : int64[vectors, CONSTANT_ROWS, 8]
        By vector of 16 channels; those beyond the last channel get zeros.
    masks : int64[vectors, 4, 8]
        The bits that a shift drops, and those of a tie, as `emit.count` reads them.
    low, high
        The clamp's bounds, one for all channels.
    used : bool[vectors, 16]
        Lanes that hold a channel.
    """

    rows: Words
    masks: Words
    used: npt.NDArray[np.bool_]
    correction: Correction
    low: int
    high: int


def finish_constants(
    plan: Plan, reach: int, order: npt.NDArray[np.int64], start: Words, codes: np.dtype[np.generic]
) -> FinishConstants | None:
    """The constants for a plan, if they are proven to do what it says.

    Parameters
    ----------
    reach
        The greatest magnitude of any sum, proven for the whole code range.
    order : int64[lanes]
        Which channel each lane holds, -1 for none; whole vectors.
    start : int64[channels]
        What the sums start from, modulo 2**32.
    codes
        What comes out: int8 or uint8.

    Returns
    -------
    FinishConstants or None
        None if the pipeline is not the common list, bounds differ between channels, or 64 bits before
        the shift or 32 behind it could be left.
    """
    fused = plan.fused
    if fused is None or reach > fused.limit or codes.itemsize != 1 or reach >= 1 << 31:
        return None
    small = fused.small[:, : plan.channels].astype(np.int64)
    low, high = small[Small.LOW], small[Small.HIGH]
    limits = np.iinfo(codes.type)  # type: ignore[type-var]
    if np.ptp(low) or np.ptp(high) or not limits.min <= low[0] <= high[0] <= limits.max:
        return None
    right_shifts = [stage for stage in plan.stages if isinstance(stage, ShiftRight)]
    if len(right_shifts) != 1 or fused.shifts.lift.any():
        return None
    (stage,) = right_shifts
    greatest = reach * max(-int(small[Small.FACTOR].min()), int(small[Small.FACTOR].max()), 1)
    # A shift that leaves less than a quarter rounds like every greater one.
    shift = np.minimum(small[Small.SHIFT], greatest.bit_length() + 2)
    shift, first, second = rounding_constants(shift, stage.rounding)
    lifted = [int(zero) << int(n) for zero, n in zip(small[Small.ZERO], shift, strict=True)]
    before = greatest + max(map(abs, lifted)) + int(np.abs(first).max()) + int(np.abs(second).max())
    behind = max(
        (greatest >> int(n)) + abs(int(zero)) + 2 for zero, n in zip(small[Small.ZERO], shift, strict=True)
    )
    if before >= _ROOM or behind >= 1 << 31:
        return None
    rows = np.zeros((len(order) // LANES, CONSTANT_ROWS, 8), np.int64)
    lanes = order.reshape(-1, LANES)

    def laid(values: Words, unused: int = 0) -> Words:
        return np.where(lanes >= 0, values[lanes], unused)

    rows[:, 0] = np.ascontiguousarray(laid(start).astype(np.int32)).view(np.int64)
    pairs = (FACTOR, small[Small.FACTOR]), (SHIFT, shift), (FIRST, first + np.array(lifted)), (SECOND, second)
    for row, values in pairs:
        rows[:, row], rows[:, row + 1] = laid(values)[:, ::2], laid(values)[:, 1::2]
    masks = np.zeros((len(order) // LANES, 4, 8), np.int64)
    dropped = np.left_shift(1, shift) - 1
    # A shift of 0 drops nothing, and product & 0 is never 1; nor is it in lanes of no channel.
    ties = laid(np.where(shift > 0, (dropped + 1) >> 1, 1), 1)
    for row, values in ((MASK, laid(dropped)), (HALF, ties)):
        masks[:, row], masks[:, row + 1] = values[:, ::2], values[:, 1::2]
    return FinishConstants(
        readonly(rows, np.int64),
        readonly(masks, np.int64),
        lanes >= 0,
        fused.correction,
        int(low[0]),
        int(high[0]),
    )
