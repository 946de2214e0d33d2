"""A transposed convolution as ordinary ones: what is left of it when inserted zeros are skipped (A6).

Along an axis of stride s the output pixels of each phase (their coordinate modulo s) read the same
kernel taps, one input pixel apart: a convolution of stride 1 with a part of the kernel, flipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class AxisPhase:
    """One phase along one axis.

    Attributes
    ----------
    taps
        The kernel positions it reads, in the order of the convolution. None is a tap of weight zero:
        the phase has no tap, or the padding would be negative without it.
    dilation, padding
        Of the convolution.
    """

    taps: tuple[int | None, ...]
    dilation: int
    padding: tuple[int, int]

    def part(self, kernel: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
        """Its taps of a kernel, along an axis of it."""
        made = kernel.take([0 if tap is None else tap for tap in self.taps], axis=axis)
        for index, tap in enumerate(self.taps):
            if tap is None:
                np.moveaxis(made, axis, 0)[index] = 0
        return made


def axis_phases(
    length: int, made: int, taps: int, stride: int, dilation: int, crop: int
) -> tuple[AxisPhase, ...]:
    """The phases along one axis; no more than there are output pixels.

    Parameters
    ----------
    length, made
        Pixels of input and output.
    crop
        Pixels taken off the start of the full output.

    Examples
    --------
    >>> for phase in axis_phases(length=5, made=10, taps=3, stride=2, dilation=1, crop=1):
    ...     print(phase.taps, phase.padding)
    (1,) (0, 0)
    (2, 0) (0, 1)
    """
    spread = dilation // gcd(stride, dilation)
    phases = []
    for first in range(min(stride, made)):
        count = -(-(made - first) // stride)
        # (input coordinate seen by the phase's first pixel, kernel position), ascending
        reads: list[tuple[int, int | None]] = [
            ((first + crop - k * dilation) // stride, k)
            for k in reversed(range(taps))
            if (first + crop - k * dilation) % stride == 0
        ]
        reads = reads or [(0, None)]
        while reads[0][0] > 0:
            reads.insert(0, (reads[0][0] - spread, None))
        while count - 1 + reads[-1][0] < length - 1:
            reads.append((reads[-1][0] + spread, None))
        padding = (-reads[0][0], count + reads[-1][0] - length)
        phases.append(AxisPhase(tuple(tap for _, tap in reads), spread, padding))
    return tuple(phases)
