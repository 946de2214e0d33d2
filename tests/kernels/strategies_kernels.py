"""Hypothesis strategies for kernels: convolutions of every shape, windows, tensors of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npusim.kernels.geometry import Geometry
from npusim.kernels.packed import Nest, Packed, pack

CODE_TYPES = (np.int8, np.uint8, np.int16)

code_types = st.sampled_from(CODE_TYPES)


def codes(dtype: npt.DTypeLike, shape: tuple[int, ...], bits: int | None = None) -> st.SearchStrategy[Any]:
    """Tensors of codes with many extremes; `bits` narrows them, as 4-bit codes in int8."""
    limits = np.iinfo(np.dtype(dtype))  # type: ignore[type-var]
    low, high = limits.min, limits.max
    if bits is not None:
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if low < 0 else (0, (1 << bits) - 1)
    values = st.integers(low, high) | st.sampled_from(sorted({low, low + 1, 0, 1, high - 1, high}))
    return hnp.arrays(dtype, shape, elements=values)


@st.composite
def geometries(draw: st.DrawFn, height: int, width: int, kernel: tuple[int, int]) -> Geometry:
    """A window over an image: strides, dilations, padding that differs on every side."""
    stride = draw(st.tuples(*[st.integers(1, 3)] * 2))
    dilation = draw(st.tuples(*[st.integers(1, 2)] * 2))
    before, out = [], []
    for axis, length in enumerate((height, width)):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        top = draw(st.integers(0, kernel[axis]))
        bottom = draw(st.integers(max(0, extent - length - top), max(0, extent - length - top) + 2))
        before.append(top)
        out.append((length + top + bottom - extent) // stride[axis] + 1)
    return Geometry(kernel, (out[0], out[1]), stride, dilation, (before[0], before[1]))


@dataclass(frozen=True)
class Convolution:
    """One image's convolution."""

    x: npt.NDArray[Any]
    weights: npt.NDArray[Any]
    bias: npt.NDArray[np.int64]
    geometry: Geometry
    nest: Nest
    groups: int
    x_zero: int
    weight_zero: int | npt.NDArray[np.int64]
    pad_code: int

    @property
    def packed(self) -> Packed:
        """Its weights, packed."""
        return pack(
            self.weights,
            self.x.dtype,
            nest=self.nest,
            groups=self.groups,
            x_zero=self.x_zero,
            weight_zero=self.weight_zero,
            pad_code=self.pad_code,
        )


@st.composite
def convolutions(draw: st.DrawFn, bias_bits: int = 20) -> Convolution:
    """conv2d, grouped, depthwise with multipliers and dense; zero points folded or taken off."""
    nest = draw(st.sampled_from(Nest))
    groups = draw(st.integers(1, 3))
    per_group = 1 if nest is Nest.DEPTHWISE else draw(st.integers(1, 5))
    outputs = groups * draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    x_type, weight_type = draw(code_types), draw(code_types)
    bits = draw(st.sampled_from([None, 4]))
    x = draw(codes(x_type, (height, width, groups * per_group), bits))
    limits = np.iinfo(x_type)
    zero = draw(st.integers(int(limits.min), int(limits.max)))
    zeros = st.integers(-300, 300)
    weight_zero = draw(st.just(0) | zeros | hnp.arrays(np.int64, outputs, elements=zeros))
    bias = st.integers(-(1 << (bias_bits - 1)), (1 << (bias_bits - 1)) - 1)
    return Convolution(
        x,
        draw(codes(weight_type, (outputs, *kernel, per_group), bits)),
        draw(hnp.arrays(np.int64, outputs, elements=bias)),
        draw(geometries(height, width, kernel)),
        nest,
        groups,
        draw(st.sampled_from([0, zero])),
        weight_zero,
        zero,
    )
