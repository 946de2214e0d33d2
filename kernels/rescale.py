"""From accumulators straight to codes: the common list in one pass, any other list stage by stage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.elementwise import narrow, widen
from npusim.kernels.events import EventCounts
from npusim.kernels.fuse import Correction, FusedRescale
from npusim.kernels.jit import kernel, readonly
from npusim.kernels.ops import Words, clamped
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan

Codes = npt.NDArray[np.int8] | npt.NDArray[np.uint8] | npt.NDArray[np.int16]
Accumulators = npt.NDArray[np.int32] | npt.NDArray[np.int64]


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
    for, and the accumulators' width times the multipliers leaves room for the rounding constant.

    Parameters
    ----------
    plan
        From `compile_pipeline`; its results lie in `out_dtype`.
    accumulators : int32 or int64[rows, channels]
        Not changed.
    out_dtype
        int8, uint8 or int16.
    events, base_index
        As in `pipeline.run`.
    bits
        The accumulators' proven signed width; None: that of their type.

    Returns
    -------
    out_dtype[rows, channels]

    Raises
    ------
    InputError
        If a result lies outside `out_dtype`.
    """
    out = np.dtype(out_dtype)
    width = 8 * accumulators.dtype.itemsize if bits is None else bits
    fused = plan.fused
    if events is None and fused is not None and fits(fused, 1 << (width - 1), out):
        source = readonly(accumulators, accumulators.dtype)
        codes = np.empty(accumulators.shape, out)
        _rescale(
            source.reshape(-1),
            fused.small,
            fused.constants,
            int(fused.correction),
            codes.reshape(-1),
        )
        return codes
    return narrow(run(plan, widen(accumulators), events, base_index), out)


def fits(fused: FusedRescale, greatest: int, out: np.dtype[np.generic]) -> bool:
    """Whether the one-pass form is right for values up to `greatest` in magnitude, and its codes fit."""
    codes = np.iinfo(out)  # type: ignore[type-var]
    return greatest <= fused.limit and codes.min <= fused.low and fused.high <= codes.max


_NONE, _BY_SIGN = int(Correction.NONE), int(Correction.BY_SIGN)


@kernel(signatures=6)
def _rescale(
    all_accumulators: Accumulators,
    small: npt.NDArray[np.int32],
    constants: Words,
    correction: int,
    all_codes: Codes,
) -> None:
    """Flat accumulators to flat codes, a chunk of operands at a time; precondition: `fits`."""
    factor, shift, zero, low, high = small[0], small[1], small[2], small[3], small[4]
    first, second = constants[0], constants[1]
    for start in range(0, all_accumulators.shape[0], small.shape[1]):
        stop = min(start + small.shape[1], all_accumulators.shape[0])
        accumulators, codes = all_accumulators[start:stop], all_codes[start:stop]
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
