"""Per-channel weight ranges, before and after the shift scaler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import Program
from npusim.steps.mac import MacStep

_INVERSE_SHIFT = "inverse_shift"


@dataclass(frozen=True, eq=False)
class WeightRanges:
    """How much of the weight codes' range each output channel of a step uses.

    Attributes
    ----------
    step, operation
        Whose weights.
    codes : int64[O]
        The greatest magnitude among a channel's codes: the range after the shift scaler.
    before : float64[O]
        The same in codes of the layer's greatest channel: what the channel would use with one scale
        for all and without shifts.
    shifts : int64[O]
        The inverse shifts; zeros where the datapath has none.
    greatest
        The greatest code there is.
    """

    step: str
    operation: str
    codes: npt.NDArray[np.int64]
    before: npt.NDArray[np.float64]
    shifts: npt.NDArray[np.int64]
    greatest: int

    @property
    def scaled(self) -> bool:
        """Whether any channel was scaled on its own, by a shift or by a multiplier."""
        return bool(np.any(np.abs(self.codes - self.before) > 0.01 * self.codes))


def weight_ranges(program: Program) -> Iterator[WeightRanges]:
    """The weights of every MAC step, in execution order."""
    high = program.datapath.weight.interval.high
    for step in program.ordered_steps:
        if isinstance(step, MacStep):
            yield _ranges(step, program.real.accumulators, high)


def _ranges(step: MacStep, worths: Mapping[str, npt.NDArray[Any]], greatest: int) -> WeightRanges:
    flat = step.weights.reshape(step.outputs, -1).astype(np.int64)
    zero = np.broadcast_to(np.asarray(step.weight_zero, np.int64), (step.outputs,))
    codes = np.abs(flat - zero[:, None]).max(axis=1)
    shifts = np.broadcast_to(np.asarray(step.fields.get(_INVERSE_SHIFT, 0), np.int64), (step.outputs,))
    worth = worths.get(step.name)
    if (
        worth is None or np.shape(worth) != codes.shape
    ):  # imported or built by hand: the shifts are all there is
        real = np.ldexp(codes.astype(np.float64), -shifts)
    else:
        real = codes * np.asarray(worth, np.float64)
    most = real.max(initial=0.0)
    before = real * (int(codes[int(real.argmax())]) / most) if most > 0 else real
    return WeightRanges(step.name, step.operation.value, codes, before, np.array(shifts), greatest)


def code_bits(magnitudes: npt.NDArray[Any], floor: float = -9.0) -> npt.NDArray[np.float64]:
    """Bits that a greatest code fills: the base-2 logarithm, nothing being `floor`.

    Examples
    --------
    >>> code_bits(np.array([64, 1, 0.25, 0])).tolist()
    [6.0, 0.0, -2.0, -9.0]
    """
    least = 2.0**floor
    bits: npt.NDArray[np.float64] = np.log2(np.maximum(magnitudes, least))
    return bits
