"""What integers of an ONNX model mean, and the float32 arithmetic of QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.importers.onnx.graph import Array, OnnxNode
from npusim.spec.interval import Interval
from npusim.spec.width import Width

CODES = (np.dtype(np.uint8), np.dtype(np.int8))
"""The types that programs compute with."""

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Quantization:
    """Scales and zero points: one, or one per index along an axis.

    Attributes
    ----------
    scales : float32[n]
    zeros : int64[n]
    dtype
        The type of the codes.
    """

    scales: Singles
    zeros: npt.NDArray[np.int64]
    dtype: np.dtype[Any]
    axis: int = 0

    @property
    def scale(self) -> np.float32:
        """The only scale."""
        made: np.float32 = self.scales[0]
        return made

    @property
    def zero(self) -> int:
        """The only zero point."""
        return int(self.zeros[0])

    @property
    def codes(self) -> Interval:
        """All codes of the type."""
        return Interval.of(Width(8 * self.dtype.itemsize, self.dtype.kind == "i"))

    @property
    def per_tensor(self) -> bool:
        """Whether there is a single scale."""
        return self.scales.size == 1

    def same_as(self, other: Quantization) -> bool:
        """Whether equal codes mean the same."""
        equal = np.array_equal(self.scales, other.scales) and np.array_equal(self.zeros, other.zeros)
        return equal and self.dtype == other.dtype

    def quantize(self, values: Array) -> npt.NDArray[np.int64]:
        """Codes of real numbers: divided, rounded half to even, then the zero point, in this order."""
        shape = [1] * values.ndim
        if not self.per_tensor:
            shape[self.axis] = -1
        scales, zeros = (each.reshape(shape) for each in (self.scales, self.zeros))
        limits = self.codes
        low, high = (np.float32(end) for end in (limits.low, limits.high))
        with np.errstate(over="ignore"):
            units = np.clip(values.astype(np.float32) / scales, low - zeros, high - zeros)
        codes: npt.NDArray[np.int64] = np.asarray(np.rint(units).astype(np.int64) + zeros, np.int64)
        return codes

    def dequantize(self, codes: Array) -> Singles:
        """Real numbers of codes with a single scale."""
        made: Singles = (codes.astype(np.int64) - self.zero).astype(np.float32) * self.scale
        return made


UNQUANTIZED = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64), np.dtype(np.float32))
"""The meaning of constants that are floats."""


def make_quantization(
    node: OnnxNode, scale: Array, zero: Array | None, default: np.dtype[Any], axis: int = 0
) -> Quantization:
    """Scales and zero points as a node gives them.

    Raises
    ------
    InputError
        Naming the node, if they are not positive finite numbers and as many zero points, or block-wise.
    """
    if scale.ndim > 1 or scale.size == 0 or scale.dtype.kind != "f":
        raise node.error("one scale, or one per channel, is wanted", found=scale.shape)
    scales = scale.reshape(-1).astype(np.float32)
    if not np.all(np.isfinite(scales) & (scales > 0)):
        raise node.error("scales must be positive finite numbers")
    dtype = default if zero is None else zero.dtype
    zeros = np.zeros(scales.size, np.int64) if zero is None else zero.reshape(-1).astype(np.int64)
    if zeros.size != scales.size or dtype.kind not in "iu":
        found = f"{dtype} {None if zero is None else zero.shape}"
        raise node.error("as many zero points as scales are wanted", found=found)
    if dtype not in CODES and np.any(zeros):
        raise node.error("zero points of 8-bit codes are supported", found=str(dtype), allowed="uint8, int8")
    return Quantization(scales, zeros, dtype, axis)
