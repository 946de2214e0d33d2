"""Exact arithmetic on Python integers for the cases of `tests.oracles.tosa_cases`, slow and plain.

Written from the text of the TOSA specification, to test the harness that runs the TOSA reference model.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt

from tests.oracles.tosa_cases import (
    AvgPoolCase,
    Conv2dCase,
    DepthwiseCase,
    IntArray,
    MaxPoolCase,
    Out,
    Rescale,
    Rounding,
    Window,
)

Tap = tuple[int, int, int, int]  # kernel row and column, input row and column
LIMITS = {
    Out.INT8: (-128, 127),
    Out.UINT8: (0, 255),
    Out.INT16: (-(2**15), 2**15 - 1),
    Out.INT32: (-(2**31), 2**31 - 1),
}


def exact_scale(value: int, multiplier: int, shift: int, rounding: Rounding) -> int:
    """TOSA's apply_scale_32 and apply_scale_16 without their preconditions."""
    half = 2**shift // 2
    if rounding is Rounding.DOUBLE and shift > 31:
        half += 2**30 if value >= 0 else -(2**30)
    return int((value * multiplier + half) >> shift)


def exact_rescale(x: IntArray, scale: Rescale) -> IntArray:
    """RESCALE of any integers, factors along the last axis."""
    low, high = LIMITS[scale.out]
    multipliers = np.broadcast_to(scale.multiplier, x.shape).ravel().tolist()
    shifts = np.broadcast_to(scale.shift, x.shape).ravel().tolist()
    codes = [
        min(max(exact_scale(v - scale.in_zero, m, s, scale.rounding) + scale.out_zero, low), high)
        for v, m, s in zip(x.ravel().tolist(), multipliers, shifts, strict=True)
    ]
    return np.array(codes, np.int64).reshape(x.shape)


def _taps(shape: tuple[int, ...], kernel: tuple[int, int], window: Window) -> list[list[list[Tap]]]:
    """Give for each output row and column the taps that fall inside the input."""
    pads = (window.pad[:2], window.pad[2:])
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, window.dilation, strict=True)]
    rows, columns = ((shape[a + 1] + sum(pads[a]) - spans[a]) // window.stride[a] + 1 for a in (0, 1))

    def taps(oy: int, ox: int) -> list[Tap]:
        found = []
        for ky, kx in product(range(kernel[0]), range(kernel[1])):
            y = oy * window.stride[0] - pads[0][0] + ky * window.dilation[0]
            x = ox * window.stride[1] - pads[1][0] + kx * window.dilation[1]
            if 0 <= y < shape[1] and 0 <= x < shape[2]:
                found.append((ky, kx, y, x))
        return found

    return [[taps(oy, ox) for ox in range(columns)] for oy in range(rows)]


def exact_conv2d(case: Conv2dCase) -> IntArray:
    """The sums; a tap outside the input is worth the zero point, that is 0."""
    _, kh, kw, _ = case.weights.shape
    places = _taps(case.x.shape, (kh, kw), case.window)
    weights, biases = case.weights.astype(object), case.bias.tolist()

    def sums(image: npt.NDArray[np.object_], taps: list[Tap]) -> list[int]:
        return [
            bias + sum(int((image[y, x] * channel[ky, kx]).sum()) for ky, kx, y, x in taps)
            for channel, bias in zip(weights, biases, strict=True)
        ]

    images = case.x.astype(object) - case.x_zero
    return np.array([[[sums(image, taps) for taps in row] for row in places] for image in images])


def exact_depthwise(case: DepthwiseCase) -> IntArray:
    """The sums of the convolution whose weights are zero across channels."""
    kh, kw, channels, count = case.weights.shape
    full = np.zeros((channels * count, kh, kw, channels), np.int8)
    for c, m in product(range(channels), range(count)):
        full[c * count + m, :, :, c] = case.weights[:, :, c, m]
    return exact_conv2d(Conv2dCase(case.x, full, case.bias, case.x_zero, case.window))


def _pool(
    case: AvgPoolCase | MaxPoolCase, reduce: Callable[[npt.NDArray[np.object_]], list[int]]
) -> IntArray:
    """Reduce the (taps, channels) codes under each window."""
    places = _taps(case.x.shape, case.kernel, case.window)

    def codes(image: npt.NDArray[np.object_], taps: list[Tap]) -> npt.NDArray[np.object_]:
        return np.array([image[y, x] for _, _, y, x in taps], object)

    images = case.x.astype(object)
    return np.array([[[reduce(codes(image, taps)) for taps in row] for row in places] for image in images])


def exact_max_pool(case: MaxPoolCase) -> IntArray:
    """Padding has no code and never wins."""
    return _pool(case, lambda codes: [max(channel) for channel in codes.T])


def exact_avg_pool(case: AvgPoolCase) -> IntArray:
    """The mean over the codes inside the input, by TOSA's reciprocal table of one entry per count."""
    low, high = LIMITS[Out.INT8 if case.x.dtype == np.int8 else Out.INT16]

    def mean(codes: list[int], count: int) -> int:
        bits = (count - 1).bit_length()
        total = sum(codes) - count * case.x_zero
        quotient = exact_scale(total, ((2**30 + 1) << bits) // count, 30 + bits, Rounding.SINGLE)
        return min(max(quotient + case.y_zero, low), high)

    return _pool(case, lambda codes: [mean(channel.tolist(), len(codes)) for channel in codes.T])
