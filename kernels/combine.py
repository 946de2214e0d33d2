"""W5: elementwise add, sub and mul of two tensors of codes; the common lists in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.elementwise import limits, narrow, widen
from npusim.kernels.events import EventCounts
from npusim.kernels.fuse import fuse_operand
from npusim.kernels.jit import Array, kernel, readonly
from npusim.kernels.ops import Words
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan
from npusim.kernels.rescale import finish, fits
from npusim.spec.elementwise import Combination

EXACTLY = {
    Combination.SUM: np.add,
    Combination.DIFFERENCE: np.subtract,
    Combination.PRODUCT: np.multiply,
}
"""On int64; the datapath's widths prove that every combination fits (A2)."""


@dataclass(frozen=True, eq=False)
class CombinationEvents:
    """Events of the operands' pipelines and of the result's."""

    operands: tuple[EventCounts, EventCounts]
    result: EventCounts


def combine_codes(
    combination: Combination,
    operands: tuple[Plan, Plan],
    result: Plan,
    codes: tuple[Array, Array],
    out_dtype: npt.DTypeLike,
    events: CombinationEvents | None = None,
    base_index: int = 0,
) -> Array:
    """Align each operand by its pipeline, combine exactly, rescale by the result pipeline.

    The fused kernel runs where it is proven right: operands are (add, multiply), the result is
    (multiply, shift_right, add, clamp), all codes have one type and no events are asked for.

    Parameters
    ----------
    operands, result
        From `compile_pipeline`.
    codes : int8, uint8 or int16[rows, channels]
        Both of one shape; not changed.
    out_dtype
        int8, uint8 or int16.
    events, base_index
        As in `pipeline.run`.

    Returns
    -------
    out_dtype[rows, channels]
    """
    a, b = codes
    out = np.dtype(out_dtype)
    aligned = _fused(combination, operands, result, codes, out) if events is None else None
    if aligned is not None and result.fused is not None:
        combined = np.empty(a.shape, out)
        _combine(
            readonly(a, out).reshape(-1),
            readonly(b, out).reshape(-1),
            int(combination is Combination.PRODUCT),
            aligned,
            result.fused.small,
            result.fused.constants,
            int(result.fused.correction),
            combined.reshape(-1),
        )
        return combined
    counted = (None, None) if events is None else events.operands
    values = [
        run(plan, widen(each), seen, base_index)
        for plan, each, seen in zip(operands, codes, counted, strict=True)
    ]
    exact = EXACTLY[combination](*values)
    return narrow(run(result, exact, None if events is None else events.result, base_index), out)


def _fused(
    combination: Combination,
    operands: tuple[Plan, Plan],
    result: Plan,
    codes: tuple[Array, Array],
    out: np.dtype[np.generic],
) -> npt.NDArray[np.int32] | None:
    """int32[4, width]: both operands' addends and factors, if the one-pass form is right for them."""
    a, b = (fuse_operand(plan.ops, plan.wide) for plan in operands)
    if result.fused is None or a is None or b is None or any(array.dtype != out for array in codes):
        return None
    code = max(-int(limits(out).min), int(limits(out).max))
    reach_a, reach_b = (
        (code + int(np.abs(addends).max())) * int(np.abs(factors).max()) for addends, factors in (a, b)
    )
    greatest = reach_a * reach_b if combination is Combination.PRODUCT else reach_a + reach_b
    if not fits(result.fused, greatest, out):
        return None
    if combination is Combination.DIFFERENCE:
        b = b * np.array([[1], [-1]])
    rows = np.concatenate([a, b])
    return readonly(rows, np.int32) if rows.max() < 1 << 31 else None


@kernel(signatures=3)
def _combine(
    a: Array,
    b: Array,
    product: int,
    operands: npt.NDArray[np.int32],
    small: npt.NDArray[np.int32],
    constants: Words,
    correction: int,
    codes: Array,
) -> None:
    """Flat codes to flat codes, a chunk of operands at a time."""
    width = operands.shape[1]
    a_addend, a_factor, b_addend, b_factor = operands[0], operands[1], operands[2], operands[3]
    buffer = np.empty(width, np.int64)
    for start in range(0, codes.shape[0], width):
        stop = min(start + width, codes.shape[0])
        combined, a_chunk, b_chunk = buffer[: stop - start], a[start:stop], b[start:stop]
        for i in range(combined.shape[0]):
            a_aligned = (np.int64(a_chunk[i]) + a_addend[i]) * a_factor[i]
            b_aligned = (np.int64(b_chunk[i]) + b_addend[i]) * b_factor[i]
            combined[i] = a_aligned * b_aligned if product == 1 else a_aligned + b_aligned
        finish(combined, small, constants, correction, codes[start:stop])
