"""The cases that `tests.oracles.tosa` can run on the TOSA reference model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer[Any]]


class Rounding(Enum):
    """TOSA's ``rounding_mode`` of RESCALE; DOUBLE is defined for 32-bit multipliers only."""

    SINGLE = "SINGLE_ROUND"
    DOUBLE = "DOUBLE_ROUND"


class Out(Enum):
    """Output code type of a rescale; zero points other than 0 exist for the 8-bit types only."""

    INT8 = "INT8"
    UINT8 = "UINT8"
    INT16 = "INT16"
    INT32 = "INT32"


class MultiplierWidth(Enum):
    """TOSA's ``scale32``: 31-bit magnitudes for int8..int32 inputs, 15-bit ones for 48-bit sums."""

    BITS32 = 32
    BITS16 = 16


@dataclass(frozen=True, eq=False)
class Rescale:
    """``clip(((v - in_zero) * multiplier + round) >> shift + out_zero)``.

    Parameters
    ----------
    multiplier, shift : integer arrays of shape (1,) or (channels,)
        0 <= multiplier < 2^31 (2^15 for BITS16), 2 <= shift <= 62. TOSA defines the result only where
        ``-2^(shift-1) <= v - in_zero < 2^(shift-1)``; `lifted` widens that range without changing results.
    out_zero, in_zero : int
        Zero points; `in_zero` must be 0 unless the input is int8.
    """

    multiplier: IntArray
    shift: IntArray
    out_zero: int = 0
    in_zero: int = 0
    out: Out = Out.INT8
    rounding: Rounding = Rounding.SINGLE
    width: MultiplierWidth = MultiplierWidth.BITS32

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        return {
            "multiplier": np.asarray(self.multiplier),
            "shift": np.asarray(self.shift),
            "out_zero": self.out_zero,
            "in_zero": self.in_zero,
            "out": self.out.value,
            "rounding": self.rounding.value,
            "multiplier_bits": self.width.value,
        }


def lifted(multiplier: IntArray, shift: IntArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the same factors with larger multipliers and shifts, where TOSA's preconditions are weakest.

    ``(v*m + 2^(s-1)) >> s`` equals ``(v*m*2^k + 2^(s+k-1)) >> (s+k)``: for SINGLE rounding nothing changes,
    but any int32 `v` is in range once the shift is 32, and shifts below 2 come into range. A multiplier in
    2^15..2^16-1 gains 15, so all int32 sums are covered for shifts 17..62.

    >>> lifted(np.array([40000]), np.array([20]))
    (array([1310720000]), array([35]))
    """
    wide = np.asarray(multiplier, np.int64)
    room = np.array([31 - int(m).bit_length() for m in wide], np.int64)
    gain = np.minimum(room, 62 - np.asarray(shift, np.int64))
    if (gain < 0).any():
        raise ValueError("TOSA has multipliers below 2^31 and shifts up to 62 only")
    return wide << gain, np.asarray(shift, np.int64) + gain


@dataclass(frozen=True)
class Window:
    """Geometry as (y, x) pairs; `pad` is (top, bottom, left, right)."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)


def _fit(size: int, span: int, before: int, after: int, stride: int) -> tuple[int, int]:
    """Give the input size and the padding after it, less what no window reads.

    TOSA refuses a geometry whose last window does not end exactly at the padded border.
    """
    unread = (size + before + after - span) % stride
    from_pad = min(unread, after)
    return size - (unread - from_pad), after - from_pad


def _geometry(x: IntArray, kernel: tuple[int, int], window: Window) -> dict[str, Any]:
    top, bottom, left, right = window.pad
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, window.dilation, strict=True)]
    height, bottom = _fit(x.shape[1], spans[0], top, bottom, window.stride[0])
    width, right = _fit(x.shape[2], spans[1], left, right, window.stride[1])
    return {
        "x": x[:, :height, :width, :],
        "stride": window.stride,
        "dilation": window.dilation,
        "pad": (top, bottom, left, right),
    }


@dataclass(frozen=True, eq=False)
class Conv2dCase:
    """CONV2D, weight zero point 0, then RESCALE unless `rescale` is None (the sums are the answer then).

    Parameters
    ----------
    x : int8 or int16, (n, height, width, ci)
        int16 has 48-bit sums; they need a `rescale` with BITS16, for the bindings cannot return them.
    weights : int8, (co, kh, kw, ci)
    bias : integers, (co,)
    x_zero : int
        Zero point; padding is worth `x_zero`. 0 for int16.
    """

    x: IntArray
    weights: IntArray
    bias: IntArray
    x_zero: int = 0
    window: Window = Window()
    rescale: Rescale | None = None

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        kernel = (self.weights.shape[1], self.weights.shape[2])
        return {"op": "CONV2D", **_convolution_request(self, kernel)}

    def hazard(self) -> str | None:
        """Say why the sums might overflow."""
        return _overflow_hazard(self, np.abs(self.weights.astype(np.int64)).sum(axis=(1, 2, 3)))


@dataclass(frozen=True, eq=False)
class DepthwiseCase:
    """DEPTHWISE_CONV2D like `Conv2dCase`, weights (kh, kw, c, m); output channel is ``c * m_count + m``."""

    x: IntArray
    weights: IntArray
    bias: IntArray
    x_zero: int = 0
    window: Window = Window()
    rescale: Rescale | None = None

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        kernel = (self.weights.shape[0], self.weights.shape[1])
        return {"op": "DEPTHWISE_CONV2D", **_convolution_request(self, kernel)}

    def hazard(self) -> str | None:
        """Say why the sums might overflow."""
        return _overflow_hazard(self, np.abs(self.weights.astype(np.int64)).sum(axis=(0, 1)).ravel())


def _convolution_request(case: Conv2dCase | DepthwiseCase, kernel: tuple[int, int]) -> dict[str, Any]:
    bias_type = np.int64 if case.x.dtype == np.int16 else np.int32
    return {
        **_geometry(case.x, kernel, case.window),
        "weights": case.weights,
        "bias": case.bias.astype(bias_type),
        "x_zero": case.x_zero,
        "rescale": None if case.rescale is None else case.rescale.request(),
    }


def _overflow_hazard(case: Conv2dCase | DepthwiseCase, weight_norm: npt.NDArray[np.int64]) -> str | None:
    # The model wraps an overflowing sum and still reports VALID, so the client has to look for itself.
    bits = 48 if case.x.dtype == np.int16 else 32
    largest = int(np.abs(case.x.astype(np.int64) - case.x_zero).max())
    bound = int((weight_norm * largest + np.abs(case.bias.astype(np.int64))).max())
    return None if bound < 2 ** (bits - 1) else f"a sum may reach {bound}, more than {bits} bits hold"


@dataclass(frozen=True, eq=False)
class RescaleCase:
    """RESCALE of int8, int16, int32 or (as int64) 48-bit codes; channels are the last axis."""

    x: IntArray
    rescale: Rescale

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        return {"op": "RESCALE", "x": self.x, "rescale": self.rescale.request()}


@dataclass(frozen=True, eq=False)
class AvgPoolCase:
    """AVG_POOL2D of int8 or int16 codes (n, height, width, c); padding is not counted; no dilation."""

    x: IntArray
    kernel: tuple[int, int]
    window: Window = Window()
    x_zero: int = 0
    y_zero: int = 0

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        zeros = {"x_zero": self.x_zero, "y_zero": self.y_zero}
        return {
            "op": "AVG_POOL2D",
            "kernel": self.kernel,
            **_geometry(self.x, self.kernel, self.window),
            **zeros,
        }


@dataclass(frozen=True, eq=False)
class MaxPoolCase:
    """MAX_POOL2D of int8 or int16 codes (n, height, width, c); padding never wins; no dilation."""

    x: IntArray
    kernel: tuple[int, int]
    window: Window = Window()

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        return {"op": "MAX_POOL2D", "kernel": self.kernel, **_geometry(self.x, self.kernel, self.window)}


@dataclass(frozen=True, eq=False)
class AddCase:
    """ADD of two int32 tensors of one shape."""

    a: npt.NDArray[np.int32]
    b: npt.NDArray[np.int32]

    def request(self) -> dict[str, Any]:
        """Give the worker's form."""
        return {"op": "ADD", "a": self.a, "b": self.b}


Case = Conv2dCase | DepthwiseCase | RescaleCase | AvgPoolCase | MaxPoolCase | AddCase
