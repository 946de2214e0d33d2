"""Keep biases inside their register and accumulators from overflowing because of them (1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath
from npusim.layers.mac_layer import MacLayer
from npusim.quantization import Quantization

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BiasGuard:
    """Limits a layer's biases.

    A bias code counts units of ``S_x * S_w / 2**k``: the finer the unit, the larger the code. The
    guard coarsens a channel's unit until bias and worst-case MAC sum together fit the accumulator;
    where the sum alone could leave it, until the bias takes no more than half of it: the rest is
    for the proof and the events to tell.
    """

    datapath: Datapath
    x: Quantization
    layer: MacLayer
    greatest_weight: int

    @property
    def budget(self) -> int:
        """The greatest magnitude a bias code may have."""
        codes = self.datapath.activation.interval
        reach = max(abs(codes.low), abs(codes.high)) + abs(self.x.zero_point)
        taps = int(np.prod(self.layer.weights.shape[1:]))
        capacity = self.datapath.mac.accumulator.register.high
        left = max(capacity - taps * self.greatest_weight * reach, capacity // 2)
        return min(left, self.datapath.mac.bias.register.high)

    def _fits(self, channel: int, scale: float, shift: int) -> bool:
        unit = Fraction(self.x.scale) * Fraction(scale) / (1 << shift)
        return abs(round(Fraction(float(self.layer.real_bias[channel])) / unit)) <= self.budget

    def lower_shifts(
        self, scale: float, shifts: npt.NDArray[np.int64]
    ) -> tuple[float, npt.NDArray[np.int64], int]:
        """Lower shifts, then raise the layer's scale, until every bias fits.

        Returns
        -------
        scale, shifts, how many channels were changed
        """
        lowered = shifts.copy()
        for channel in range(len(shifts)):
            while lowered[channel] > 0 and not self._fits(channel, scale, int(lowered[channel])):
                lowered[channel] -= 1
        changed = lowered != shifts
        for channel in range(len(shifts)):
            while not self._fits(channel, scale, int(lowered[channel])):
                scale *= 2
                changed[channel] = True
        return scale, lowered, int(np.count_nonzero(changed))

    def raise_scales(self, scales: Vector) -> tuple[Vector, int]:
        """Raise each channel's scale until its bias fits."""
        raised = scales.copy()
        for channel in range(len(scales)):
            while not self._fits(channel, float(raised[channel]), 0):
                raised[channel] *= 2
        return raised, int(np.count_nonzero(raised != scales))
