"""A step's weights, packed once: everything a MAC needs that does not change from image to image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.dot import DotProduct, dot_product
from npusim.kernels.dot.protocol import PackedMatrix
from npusim.kernels.jit import Array, readonly
from npusim.kernels.ops import Words
from npusim.spec.loop_nest import conv2d_beats, depthwise_beats

CODE_TYPES = (np.dtype(np.int8), np.dtype(np.uint8), np.dtype(np.int16))
"""What activation and weight codes come in; narrower codes come in the next wider type."""


class Nest(Enum):
    """A6: the loop nest of an operation."""

    CONV2D = "conv2d"
    """Dense and matmul too, as 1x1 convolutions."""
    DEPTHWISE = "depthwise"
    """One input channel an output channel, of which it may have several."""


@dataclass(frozen=True, eq=False)
class Packed:
    """Weights with everything folded into them; made by `pack`.

    Attributes
    ----------
    weights : int64[O, kh, kw, I / groups]
        With the weight zero points taken off.
    x_dtype
        The input codes' type.
    x_zero
        What the MAC takes off each input code.
    pad_code
        The code that stands outside the input, before `x_zero` is taken off.
    """

    nest: Nest
    weights: Words
    groups: int
    x_dtype: np.dtype[Any]
    x_zero: int
    pad_code: int

    @property
    def outputs(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Input channels."""
        return int(self.weights.shape[3]) * self.groups

    @property
    def group_outputs(self) -> int:
        """Output channels of one group: for depthwise, the channel multiplier."""
        return self.outputs // self.groups

    @property
    def products(self) -> int:
        """Length of a gathered patch: of one group, or of all channels for depthwise."""
        channels = self.inputs if self.nest is Nest.DEPTHWISE else self.weights.shape[3]
        return self.kernel[0] * self.kernel[1] * channels

    @property
    def kernel(self) -> tuple[int, int]:
        """Window size."""
        return self.weights.shape[1], self.weights.shape[2]

    @cached_property
    def dot(self) -> DotProduct:
        """The dot product that `matrices` are laid out for."""
        return dot_product()

    @cached_property
    def matrices(self) -> tuple[PackedMatrix, ...]:
        """One packed matrix a group."""
        flat = self.weights.reshape(self.groups, self.group_outputs, -1)
        return tuple(self.dot.pack(group, self.x_dtype) for group in flat)

    @cached_property
    def zero_share(self) -> Words:
        """int64[O]: the sum of each channel's weights, which every unit of a zero point costs."""
        return readonly(self.weights.sum(axis=(1, 2, 3)), np.int64)

    def sum_reach(self, bias: Words) -> Words:
        """int64[O]: the greatest magnitude of each channel's sums, whatever the codes."""
        limits = np.iinfo(self.x_dtype.type)
        code = max(self.x_zero - int(limits.min), int(limits.max) - self.x_zero)
        found: Words = np.abs(self.weights).sum(axis=(1, 2, 3)) * code + np.abs(bias)
        return found

    @cached_property
    def tap_weights(self) -> npt.NDArray[np.int32]:
        """int32[taps, multiplier, C]: depthwise weights, channels innermost."""
        by_channel = self.weights.reshape(self.groups, self.group_outputs, -1)
        return readonly(by_channel.transpose(2, 1, 0), np.int32)

    @cached_property
    def ordered_weights(self) -> npt.NDArray[np.int32]:
        """int32[sets, K, O of the set]: in the order of the loop nest. Depthwise is one set."""
        sets = 1 if self.nest is Nest.DEPTHWISE else self.groups
        flat = self.weights.reshape(sets, self.outputs // sets, -1)
        return readonly(flat.transpose(0, 2, 1), np.int32)

    @cached_property
    def ordered_reach(self) -> tuple[int, ...]:
        """The greatest magnitude of each set's weights; 0 where there are none."""
        return tuple(int(np.abs(own).max(initial=0)) for own in self.ordered_weights)

    def beats(self, lanes: int) -> Words:
        """int64[beats + 1]: beat b owns the products ``beats[b]`` .. ``beats[b + 1] - 1`` (A6)."""
        if self.nest is Nest.DEPTHWISE:
            sizes = [len(beat) for beat in depthwise_beats(self.kernel, lanes)]
        else:
            sizes = [len(beat) for beat in conv2d_beats(self.kernel, self.weights.shape[3], lanes)]
        return readonly(np.cumsum([0, *sizes]), np.int64)


def pack(
    weights: Array,
    x_dtype: npt.DTypeLike,
    *,
    nest: Nest = Nest.CONV2D,
    groups: int = 1,
    x_zero: int = 0,
    weight_zero: int | npt.NDArray[np.integer] = 0,
    pad_code: int = 0,
) -> Packed:
    """Prepare a step's weights.

    Parameters
    ----------
    weights : int8, uint8 or int16[O, kh, kw, I / groups]
        Depthwise: I / groups is 1 and groups is the number of input channels.
    x_dtype
        int8, uint8 or int16: the input codes' type.
    x_zero, weight_zero
        What the MAC takes off (``zero_point: subtract``), `weight_zero` one or [O]; 0 when folded.
    pad_code
        The code outside the input: x_zero's, whether folded or subtracted.

    Raises
    ------
    ValueError
        If shapes or types do not fit each other.
    """
    codes = np.dtype(x_dtype)
    if codes not in CODE_TYPES or weights.dtype not in CODE_TYPES:
        raise ValueError(f"codes are int8, uint8 or int16, not {codes} and {weights.dtype}")
    if weights.ndim != 4 or weights.shape[0] % groups:
        raise ValueError(f"weights are [O, kh, kw, I / groups], not {weights.shape} for {groups} groups")
    if nest is Nest.DEPTHWISE and weights.shape[3] != 1:
        raise ValueError(f"depthwise weights read one input channel, not {weights.shape[3]}")
    limits = np.iinfo(codes)
    if not (limits.min <= pad_code <= limits.max and limits.min <= x_zero <= limits.max):
        raise ValueError(f"pad code {pad_code} or zero point {x_zero} is no {codes}")
    zeros = np.asarray(weight_zero, np.int64).reshape(-1, 1, 1, 1)
    if np.abs(zeros).max() > 1 << 16:
        raise ValueError(f"the weights' zero point {weight_zero} is no weight code")
    return Packed(nest, readonly(weights - zeros, np.int64), groups, codes, int(x_zero), int(pad_code))
