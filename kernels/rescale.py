"""From accumulators straight to codes: the common list in one pass, any other list stage by stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.elementwise import limits, narrow, widen
from npusim.kernels.events import EventCounts
from npusim.kernels.fuse import Correction, FusedRescale
from npusim.kernels.jit import Array, kernel, part, readonly
from npusim.kernels.ops import Words, clamped
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan

Codes = Array
"""int8, uint8 or int16; int32 where results are sums that a later step reads."""

Accumulators = Array
"""int32 or int64."""


def recognise(plan: Plan) -> FusedRescale | None:
    """The plan's one-pass form; None if it is not the common list (multiply, shift_right, add, clamp)."""
    return plan.fused


def rescale(
    plan: Plan,
    accumulators: Accumulators,
    out_dtype: npt.DTypeLike,
    events: EventCounts | None = None,
    base_index: int = 0,
    bits: int | None = None,
) -> Codes:
    """Rescale accumulators to codes.

    The fused kernel runs where it is proven right: the plan is the common list, no events are asked
    for, and the accumulators times the multipliers leave room for the rounding constant.

    Parameters
    ----------
    plan
        From `compile_pipeline`; its results lie in `out_dtype`.
    accumulators : int32 or int64[rows, channels]
        Not changed.
    out_dtype
        int8, uint8, int16 or int32.
    events, base_index
        As in `pipeline.run`.
    bits
        The accumulators' proven signed width; None: that of their type. Where it is too much, the
        accumulators themselves are looked at.

    Returns
    -------
    out_dtype[rows, channels]

    Raises
    ------
    InputError
        If a result lies outside `out_dtype`.
    """
    out = np.dtype(out_dtype)
    if events is None and plan.fused is not None and _proven(plan.fused, accumulators, out, bits):
        source = readonly(accumulators, accumulators.dtype)
        codes = np.empty(accumulators.shape, out)
        _rescale(
            source.reshape(-1),
            plan.fused.small,
            plan.fused.constants,
            int(plan.fused.correction),
            codes.reshape(-1),
        )
        return codes
    return narrow(run(plan, widen(accumulators), events, base_index), out)


def _proven(fused: FusedRescale, accumulators: Accumulators, out: np.dtype[Any], bits: int | None) -> bool:
    """By the accumulators' width, or else by looking at them."""
    width = 8 * accumulators.dtype.itemsize if bits is None else bits
    if fits(fused, 1 << (width - 1), out):
        return True
    return accumulators.size > 0 and fits(fused, max(-int(accumulators.min()), int(accumulators.max())), out)


def fits(fused: FusedRescale, greatest: int, out: np.dtype[Any]) -> bool:
    """Whether the one-pass form is right for values up to `greatest` in magnitude, and its codes fit."""
    codes = limits(out)
    return greatest <= fused.limit and codes.min <= fused.low and fused.high <= codes.max


_NONE, _BY_SIGN = int(Correction.NONE), int(Correction.BY_SIGN)


@part
def finish(
    accumulators: Accumulators, small: npt.NDArray[np.int32], constants: Words, correction: int, codes: Codes
) -> None:
    """One chunk of accumulators to codes; the rule of rounding is chosen outside the loops."""
    factor, shift, zero, low, high = small[0], small[1], small[2], small[3], small[4]
    first, second = constants[0], constants[1]
    if correction == _NONE:
        for i in range(codes.shape[0]):
            product = np.int64(accumulators[i]) * np.int64(factor[i])
            value = (product + first[i]) >> np.int64(shift[i])
            codes[i] = clamped(value + zero[i], low[i], high[i])
    elif correction == _BY_SIGN:
        for i in range(codes.shape[0]):
            product = np.int64(accumulators[i]) * np.int64(factor[i])
            value = (product + first[i] + ((product >> 63) & second[i])) >> np.int64(shift[i])
            codes[i] = clamped(value + zero[i], low[i], high[i])
    else:
        for i in range(codes.shape[0]):
            product = np.int64(accumulators[i]) * np.int64(factor[i])
            last = (product >> np.int64(shift[i])) & 1
            value = (product + first[i] + last * second[i]) >> np.int64(shift[i])
            codes[i] = clamped(value + zero[i], low[i], high[i])


@kernel(signatures=8)
def _rescale(
    accumulators: Accumulators,
    small: npt.NDArray[np.int32],
    constants: Words,
    correction: int,
    codes: Codes,
) -> None:
    """Flat accumulators to flat codes, a chunk of operands at a time; precondition: `fits`."""
    for start in range(0, accumulators.shape[0], small.shape[1]):
        stop = min(start + small.shape[1], accumulators.shape[0])
        finish(accumulators[start:stop], small, constants, correction, codes[start:stop])
