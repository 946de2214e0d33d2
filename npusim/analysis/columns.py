"""The MAC columns of a step as sums of independent products: what accumulator bounds are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath
from npusim.geometry import image_shape
from npusim.spec.convolution import ZeroPoint
from npusim.spec.loop_nest import Window
from npusim.spec.mac import BiasPlace
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step, TensorType
from npusim.steps.mac_array import MacArrayStep, MacOperation

Words = npt.NDArray[np.int64]

_CHUNK_PRODUCTS = 1 << 21
"""Weights whose parts are summed at a time: their 64-bit copies stay small."""


@dataclass(frozen=True, eq=False)
class PixelClass:
    """Output pixels that see the same kernel taps inside the input.

    Attributes
    ----------
    inside : bool[taps]
        Which taps read the input; the others read padding.
    pixel
        One of these output pixels.
    """

    inside: npt.NDArray[np.bool_]
    pixel: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Columns:
    """All MAC columns of one step.

    Each tap inside the input reads a code of its own, so codes are independent: a bound that takes
    each product's extreme is reached.

    Attributes
    ----------
    weights : integers[O, kh, kw, ci]
        Codes; `weight_zero` (0, or int64[O]) is still to be taken off.
    bias : int64[O]
    taken_off
        What the MAC subtracts from each activation code.
    pad_code
        What padding holds.
    lanes
        Products of one beat (A6).
    before
        Of a pass that goes on from partial sums (A7): what those are made of, as they stand in this pass;
        `weights` are then those of all passes. None: it starts anew.
    """

    weights: npt.NDArray[np.integer]
    weight_zero: int | Words
    bias: Words
    bias_place: BiasPlace
    taken_off: int
    pad_code: int
    groups: int
    depthwise: bool
    lanes: int
    size: tuple[int, int, int]
    out: tuple[int, int]
    window: Window
    before: Columns | None = None

    @property
    def outputs(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return int(self.weights.shape[1] * self.weights.shape[2])

    @property
    def blocks(self) -> int:
        """Beats of one tap; a depthwise beat takes several taps instead."""
        return -(-int(self.weights.shape[3]) // self.lanes)

    def first_channel(self, output: int) -> int:
        """The input channel that an output channel's weight 0 multiplies."""
        return (output // (self.outputs // self.groups)) * int(self.weights.shape[3])

    @cached_property
    def parts(self) -> tuple[Words, Words]:
        """The sums of the positive and of the negative weights of each (tap, block): int64[O, taps, blocks].

        All a bound needs: over codes a..b a product w*x spans ``w*a .. w*b`` or, for w < 0, ``w*b .. w*a``.
        """
        flat = self.weights.reshape(self.outputs, self.taps, -1)
        zero = np.broadcast_to(np.asarray(self.weight_zero, np.int64), (self.outputs,))
        starts = np.arange(0, flat.shape[2], self.lanes)
        positive = np.empty((self.outputs, self.taps, self.blocks), np.int64)
        negative = np.empty_like(positive)
        size = max(1, _CHUNK_PRODUCTS // (self.taps * flat.shape[2]))
        for start in range(0, self.outputs, size):
            rows = slice(start, start + size)
            weights = flat[rows].astype(np.int64) - zero[rows, None, None]
            positive[rows] = np.add.reduceat(np.maximum(weights, 0), starts, axis=2)
            negative[rows] = np.add.reduceat(np.minimum(weights, 0), starts, axis=2)
        return positive, negative

    @cached_property
    def classes(self) -> tuple[PixelClass, ...]:
        """Every set of taps inside the input that occurs, with a pixel that sees it."""
        axes = []
        for axis in range(2):
            places = np.arange(self.out[axis])[:, None] * self.window.stride[axis]
            places = places + np.arange(self.window.kernel[axis]) * self.window.dilation[axis]
            places -= self.window.pad_before[axis]
            inside = (places >= 0) & (places < self.size[axis])
            axes.append(np.unique(inside, axis=0, return_index=True))
        (row_sets, rows), (column_sets, columns) = axes
        return tuple(
            PixelClass(
                (row_sets[i][:, None] & column_sets[j][None, :]).reshape(-1), (int(rows[i]), int(columns[j]))
            )
            for i, j in product(range(len(rows)), range(len(columns)))
        )

    def beats(self, cells: Words) -> Words:
        """Sums of (tap, block) cells, int64[O, taps, blocks], as sums of beats in order, int64[O, beats]."""
        if not self.depthwise:
            return cells.reshape(self.outputs, -1)
        sums: Words = np.add.reduceat(cells[:, :, 0], np.arange(0, self.taps, self.lanes), axis=1)
        return sums

    def beat_of(self, tap: int, channel: int) -> int:
        """The beat that adds a product."""
        return tap // self.lanes if self.depthwise else tap * self.blocks + channel // self.lanes


def columns_of(step: Step, x: TensorType, output: TensorType, datapath: Datapath) -> Columns | None:
    """The columns of a step; None for steps that do not accumulate."""
    if isinstance(step, MacArrayStep):
        return _mac_columns(step, x, output, datapath)
    if isinstance(step, AveragePoolStep):
        return _pool_columns(step, x, output, datapath)
    return None


def _mac_columns(step: MacArrayStep, x: TensorType, output: TensorType, datapath: Datapath) -> Columns:
    depthwise = step.operation is MacOperation.DEPTHWISE_CONV2D
    size, made = step.image(x.shape), step.image(output.shape)
    mac = datapath.mac
    return Columns(
        weights=step.all_weights.reshape(step.outputs, *step.kernel, -1),
        weight_zero=step.weight_zero,
        bias=step.bias,
        bias_place=mac.bias.place,
        taken_off=step.x_zero if mac.zero_point is ZeroPoint.SUBTRACT else 0,
        pad_code=step.x_zero,
        groups=size[2] if depthwise else step.groups,
        depthwise=depthwise,
        lanes=mac.lanes,
        size=size,
        out=(made[0], made[1]),
        window=Window(step.kernel, step.stride, step.dilation, (step.padding[0][0], step.padding[1][0])),
    )


def _pool_columns(step: AveragePoolStep, x: TensorType, output: TensorType, datapath: Datapath) -> Columns:
    """A window's sum: weights of one, the zero point taken off, one code a beat."""
    size = image_shape(x.shape)
    channels = size[2]
    return Columns(
        weights=np.ones((channels, *step.kernel, 1), np.int8),
        weight_zero=0,
        bias=np.zeros(channels, np.int64),
        bias_place=BiasPlace.PRELOAD,
        taken_off=step.x_zero,
        pad_code=step.x_zero,
        groups=channels,
        depthwise=True,
        lanes=1,
        size=size,
        out=(output.shape[0], output.shape[1]) if step.keep_dims else (1, 1),
        window=Window(step.kernel, step.stride, (1, 1), (step.padding[0][0], step.padding[1][0])),
    )
