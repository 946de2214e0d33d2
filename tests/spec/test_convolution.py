"""W2: one output pixel against numpy on a padded input; folded and subtracted zero points agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from npusim.spec.convolution import Operands, ZeroPoint, output
from npusim.spec.loop_nest import Window, conv2d_beats
from npusim.spec.mac import Column
from npusim.spec.width import Overflow, Width

Codes = npt.NDArray[np.int64]
EXACT = Column(Width(48), Overflow.SATURATE)


def _pair(random: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    first, second = random.integers(low, high, 2)
    return int(first), int(second)


class Convolution:
    """A small random convolution, its two groups included."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.x: Codes = random.integers(-128, 128, (5, 4, 6))
        self.w: Codes = random.integers(-128, 128, (2, 3, 3))
        self.window = Window((2, 3), _pair(random, 1, 3), _pair(random, 1, 3), _pair(random, 0, 3))
        self.x_zero, self.weight_zero, self.bias = (int(v) for v in random.integers(-100, 100, 3))
        self.pixel = _pair(random, 0, 2)
        self.first_channel = int(random.choice([0, 3]))

    def operands(self, zero_point: ZeroPoint) -> Operands:
        return Operands(
            lambda y, x, c: int(self.x[y, x, c]),
            lambda ky, kx, c: int(self.w[ky, kx, c]),
            rows=5,
            columns=4,
            first_channel=self.first_channel,
            x_zero=self.x_zero,
            weight_zero=self.weight_zero,
            zero_point=zero_point,
        )

    def run(self, operands: Operands, bias: int) -> int:
        beats = conv2d_beats((2, 3), 3, lanes=2)
        return output(operands, self.window, beats, self.pixel, bias, EXACT).value

    def patch(self) -> Codes:
        """What numpy cuts out of the input padded with the zero point, less the zero point."""
        (top, left), (dy, dx) = self.window.pad_before, self.window.dilation
        pads = ((top, 9), (left, 9), (0, 0))
        padded = np.pad(self.x, pads, constant_values=self.x_zero)
        y, x = (self.pixel[i] * self.window.stride[i] for i in (0, 1))
        group = slice(self.first_channel, self.first_channel + 3)
        return padded[y : y + 2 * dy : dy, x : x + 3 * dx : dx, group] - self.x_zero


@given(seed=st.integers(0, 2**32))
def test_subtracted_zero_points_give_the_plain_convolution(seed: int) -> None:
    case = Convolution(seed)
    expected = int((case.patch() * (case.w - case.weight_zero)).sum()) + case.bias
    assert case.run(case.operands(ZeroPoint.SUBTRACT), case.bias) == expected


@given(seed=st.integers(0, 2**32))
def test_a_folded_zero_point_gives_the_same(seed: int) -> None:
    case = Convolution(seed)
    folded_bias = case.bias - case.x_zero * int((case.w - case.weight_zero).sum())
    folded = case.run(case.operands(ZeroPoint.FOLDED), folded_bias)
    assert folded == case.run(case.operands(ZeroPoint.SUBTRACT), case.bias)


def test_folded_padding_carries_the_zero_point() -> None:
    case = Convolution(1)
    far = replace(case.operands(ZeroPoint.FOLDED), rows=0)
    assert case.run(far, 0) == case.x_zero * int((case.w - case.weight_zero).sum())
    assert case.run(replace(far, zero_point=ZeroPoint.SUBTRACT), 0) == 0
