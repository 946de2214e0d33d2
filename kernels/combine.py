"""W5: elementwise add, sub and mul of two tensors of codes; the common lists in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.kernels.elementwise import limits, narrow, widen
from npusim.kernels.events import EventCounts
from npusim.kernels.fuse import FusedRescale, fuse_operand
from npusim.kernels.jit import Array, kernel, part, readonly
from npusim.kernels.ops import Words
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan
from npusim.kernels.rescale import finish, fits
from npusim.kernels.tell import Teller, tell_chunk
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
    fused = (
        fuse_combination(combination, operands, result, (a.dtype, b.dtype), out) if events is None else None
    )
    if fused is not None:
        combined = np.empty(a.shape, out)
        fused.run(readonly(a, out).reshape(-1), readonly(b, out).reshape(-1), combined.reshape(-1))
        return combined
    counted = (None, None) if events is None else events.operands
    values = [
        run(plan, widen(each), seen, base_index)
        for plan, each, seen in zip(operands, codes, counted, strict=True)
    ]
    exact = EXACTLY[combination](*values)
    return narrow(run(result, exact, None if events is None else events.result, base_index), out)


@dataclass(frozen=True, eq=False)
class FusedCombination:
    """A combination in one pass.

    Attributes
    ----------
    operands : int32[4, width]
        Both operands' addends and factors.
    reach
        The greatest magnitude of what they combine to.
    """

    product: bool
    operands: npt.NDArray[np.int32]
    result: FusedRescale
    reach: int

    @property
    def width(self) -> int:
        """Codes that go together: whole rows of channels. Parts begin at multiples of it."""
        return int(self.operands.shape[1])

    def run(self, a: Array, b: Array, out: Array) -> None:
        """Flat codes of one type, a and b read-only."""
        _combine(
            a,
            b,
            int(self.product),
            self.operands,
            self.result.small,
            self.result.constants,
            int(self.result.correction),
            out,
        )

    def run_counting(self, a: Array, b: Array, out: Array, teller: Teller, record: Words, base: int) -> None:
        """As `run`; adds what happened, from flat position `base` on, to a record."""
        _combine_counting(
            a,
            b,
            int(self.product),
            self.operands,
            self.result.small,
            self.result.constants,
            int(self.result.correction),
            out,
            teller.narrow,
            teller.words,
            teller.twice,
            record,
            base,
        )


def fuse_combination(
    combination: Combination,
    operands: tuple[Plan, Plan],
    result: Plan,
    inputs: Sequence[np.dtype[np.generic]],
    out: np.dtype[np.generic],
) -> FusedCombination | None:
    """The one-pass form for inputs and outputs of these types; None if it is not proven right."""
    a, b = (fuse_operand(plan.ops, plan.wide) for plan in operands)
    if result.fused is None or a is None or b is None or any(dtype != out for dtype in inputs):
        return None
    if not a.shape == b.shape == (2, result.fused.small.shape[1]):
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
    if rows.max() >= 1 << 31:
        return None
    return FusedCombination(
        combination is Combination.PRODUCT, readonly(rows, np.int32), result.fused, greatest
    )


@part
def _combined(
    a: Array, b: Array, product: int, operands: npt.NDArray[np.int32], start: int, into: Words
) -> None:
    """One chunk of codes aligned and combined."""
    a_addend, a_factor, b_addend, b_factor = operands[0], operands[1], operands[2], operands[3]
    stop = start + into.shape[0]
    a_chunk, b_chunk = a[start:stop], b[start:stop]
    for i in range(into.shape[0]):
        a_aligned = (np.int64(a_chunk[i]) + a_addend[i]) * a_factor[i]
        b_aligned = (np.int64(b_chunk[i]) + b_addend[i]) * b_factor[i]
        into[i] = a_aligned * b_aligned if product == 1 else a_aligned + b_aligned


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
    buffer = np.empty(width, np.int64)
    for start in range(0, codes.shape[0], width):
        stop = min(start + width, codes.shape[0])
        combined = buffer[: stop - start]
        _combined(a, b, product, operands, start, combined)
        finish(combined, small, constants, correction, codes[start:stop])


@kernel(signatures=3)
def _combine_counting(
    a: Array,
    b: Array,
    product: int,
    operands: npt.NDArray[np.int32],
    small: npt.NDArray[np.int32],
    constants: Words,
    correction: int,
    codes: Array,
    narrow: npt.NDArray[np.int32],
    words: Words,
    twice: int,
    record: Words,
    base: int,
) -> None:
    """As `_combine`, with the events of the result; the last arguments are a `Teller`'s."""
    width = operands.shape[1]
    buffer = np.empty(width, np.int64)
    for start in range(0, codes.shape[0], width):
        stop = min(start + width, codes.shape[0])
        combined = buffer[: stop - start]
        _combined(a, b, product, operands, start, combined)
        finish(combined, small, constants, correction, codes[start:stop])
        tell_chunk(combined, narrow, words, twice, base + start, record)
