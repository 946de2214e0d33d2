"""Depthwise convolutions from codes to codes.

With a column stride of one, neighbouring pixels' channels lie side by side in input and output: a
whole output row is one stretch, whatever the number of channels. Otherwise every pixel is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.channels import NARROWED, ORDER, STRETCH, TAPS
from npusim.kernels.emit.multiply import Operands
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import EventPlan
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.constants import RescaleConstants, rescale_constants
from npusim.kernels.tiled.depthwise_count_loop import convolve_channels_counting
from npusim.kernels.tiled.depthwise_loop import ENDS, FORM, convolve_channels
from npusim.kernels.tiled.image import SLACK
from npusim.kernels.tiled.operands import operand_type
from npusim.kernels.tiled.told import Layout, Told, group_lanes, told_by
from npusim.kernels.tiled.weights import aligned

_BAND_BYTES = 1 << 16
"""Of copied input that is made at once: it is read again from the first- or second-level cache."""

_MOST_PHASES = 64
"""Stretches until channels and vectors meet again; each has weights and constants of its own."""


class TiledDepthwise:
    """One step's depthwise convolution; make it with `tiled_depthwise`.

    Attributes
    ----------
    units
        Output rows.
    scratch_bytes
        What a call needs.
    """

    def __init__(
        self,
        weights: Bytes,
        rescale: RescaleConstants,
        relaid: Callable[..., RescaleConstants | None],
        settings: Words,
        layout: Layout,
        rows: int,
        scratch_bytes: int,
    ) -> None:
        self._weights, self._settings, self._layout = weights, settings, layout
        self._rescale, self._relaid = rescale, relaid
        self.units, self.scratch_bytes = rows, scratch_bytes

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        convolve_channels(*self.arguments(inputs[0], out, scratch, (first, last)))

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """See `Chained.calls`."""
        return [Call(convolve_channels, self.arguments(inputs[0], out, scratch, (0, self.units)))]

    def arguments(self, x: Bytes, out: Bytes, scratch: Bytes, units: tuple[int, int]) -> tuple[Any, ...]:
        """As `convolve_channels` takes them."""
        return x, self._weights, self._rescale.rows, self._settings, *units, scratch, out

    def counting(self, plan: EventPlan) -> CountingDepthwise | None:
        """The same with its events counted; None if it cannot tell them."""
        found = told_by(plan, self._rescale, self._relaid, self._layout)
        if found is None:
            return None
        rescale, plan_told = found
        settings = self._settings.copy()
        settings[FORM], settings[ENDS : ENDS + 4] = rescale.form, rescale.ends
        own = readonly(settings, np.int64)
        other = TiledDepthwise(
            self._weights, rescale, self._relaid, own, self._layout, self.units, self.scratch_bytes
        )
        return CountingDepthwise(other, rescale.form, plan_told)


class CountingDepthwise:
    """A depthwise convolution with its events counted; see `Counting`.

    Attributes
    ----------
    ways
        The form of its sums, and how stretches of them are counted.
    """

    def __init__(self, direct: TiledDepthwise, form: Form, plan: Told) -> None:
        self._direct, self._told = direct, plan
        self.ways = {(form, way) for way in plan.ways.tolist()}
        self.units, self.scratch_bytes = direct.units, direct.scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        convolve_channels_counting(*self._arguments(inputs[0], out, scratch, (first, last), record))

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        arguments = self._arguments(inputs[0], out, scratch, (0, self.units), record)
        return [Call(convolve_channels_counting, arguments)]

    def _arguments(
        self, x: Bytes, out: Bytes, scratch: Bytes, units: tuple[int, int], record: Words
    ) -> tuple[Any, ...]:
        """As `convolve_channels_counting` takes them."""
        return *self._direct.arguments(x, out, scratch, units), *self._told.arguments, record


def tiled_depthwise(
    packed: Packed,
    bias: Words,
    geometry: Geometry,
    size: tuple[int, int],
    plan: Plan,
    reach: int,
    codes: np.dtype[np.generic],
) -> TiledDepthwise | None:
    """The one-pass form of a depthwise step; None if it is not proven right.

    Arguments as for `tiled_convolution`; only one output channel a channel.
    """
    channels, element = packed.inputs, operand_type(packed)
    if packed.nest is not Nest.DEPTHWISE or packed.group_outputs != 1 or element is None:
        return None
    operands = Operands.BYTES if element == np.int8 else Operands.SHORTS
    length = channels * (geometry.out[1] if geometry.stride[1] == 1 else 1)
    phases = min(channels // gcd(channels, STRETCH), -(-length // STRETCH))
    if phases > _MOST_PHASES:
        return None
    flips = 128 if packed.x_dtype == np.int8 and operands is Operands.BYTES else 0
    start = bias - (packed.x_zero + flips) * packed.zero_share
    order = (np.arange(phases)[:, np.newaxis, np.newaxis] * STRETCH + ORDER[operands]) % channels
    without = set[Form]() if operands is Operands.BYTES else {Form.HALVES}
    relaid = partial(rescale_constants, plan, reach, order.reshape(-1), start, codes)
    constants = relaid(without)
    if constants is None:
        return None
    taps = _Taps(packed, geometry, TAPS[operands])
    laid = taps.weights(element)[..., order]  # groups, rows, taps, phases, vectors, lanes
    laid = laid.transpose(3, 0, 1, 4, 5, 2)
    if geometry.out[0] % 2 == 1:
        laid = np.stack([laid, laid[:, :, [0, 0]]])
    weights = np.ascontiguousarray(laid).view(np.uint8).reshape(-1)
    places = ORDER[operands]
    ends = length - np.arange(phases)[:, np.newaxis, np.newaxis] * STRETCH
    layout = Layout(
        order.reshape(-1, COUNT),
        (places < np.where(phases * STRETCH < length, STRETCH, ends)).reshape(-1, COUNT),
        packed.sum_reach(bias),
        places,
        np.array([group_lanes(places < left) for left in range(STRETCH + 1)]),
        NARROWED[operands],
    )
    return _made(packed, geometry, size, operands, constants, relaid, weights, taps, layout, phases, length)


def _made(
    packed: Packed,
    geometry: Geometry,
    size: tuple[int, int],
    operands: Operands,
    constants: RescaleConstants,
    relaid: Callable[..., RescaleConstants | None],
    weights: npt.NDArray[np.uint8],
    taps: _Taps,
    layout: Layout,
    phases: int,
    length: int,
) -> TiledDepthwise:
    channels, shorts = packed.inputs, operands is Operands.SHORTS
    element = 2 if shorts else 1
    extent = [(geometry.kernel[a] - 1) * geometry.dilation[a] + 1 for a in (0, 1)]
    columns = max((geometry.out[1] - 1) * geometry.stride[1] + extent[1], geometry.pad_before[1] + 1)
    row = columns * channels * element
    band = max(2, min(geometry.out[0], _BAND_BYTES // (geometry.stride[0] * row)) // 2 * 2)
    settings = [
        int(shorts),
        channels,
        size[1] * channels,
        geometry.pad_before[0],
        geometry.pad_before[1] * channels,
        *geometry.stride,
        extent[0],
        columns * channels,
        1 if geometry.stride[1] == 1 else geometry.out[1],
        length,
        band,
        packed.pad_code,
        128 if packed.x_dtype == np.int8 else 0,
        8 * packed.x_dtype.itemsize,
        int(constants.form),
        phases,
        taps.groups,
        weights.nbytes // 2 if geometry.out[0] % 2 == 1 else 0,
        *constants.ends,
        *taps.offsets(columns, channels * element),
    ]
    # The lower of two rows is read even where only the upper one is wanted.
    rows = band * geometry.stride[0] + extent[0]
    scratch = rows * row + element * STRETCH + SLACK
    return TiledDepthwise(
        aligned(weights), constants, relaid, readonly(settings, np.int64), layout, geometry.out[0], scratch
    )


class _Taps:
    """The taps of two output rows below each other, in groups.

    Attributes
    ----------
    groups
        How many groups.
    """

    def __init__(self, packed: Packed, geometry: Geometry, taken: int) -> None:
        self._packed, self._geometry, self._taken = packed, geometry, taken
        rows = 1 if geometry.out[0] == 1 else 2
        places = {
            (kx * geometry.dilation[1], ky * geometry.dilation[0] + row * geometry.stride[0])
            for row in range(rows)
            for ky in range(geometry.kernel[0])
            for kx in range(geometry.kernel[1])
        }
        self._places = sorted(places)
        self.groups = -(-len(places) // taken)

    def weights(self, element: np.dtype[np.signedinteger]) -> npt.NDArray[np.signedinteger]:
        """[groups, rows, taps, channels]: zeros for the other row's taps, and at the end."""
        channels, (kh, kw) = self._packed.inputs, self._geometry.kernel
        dilation, stride = self._geometry.dilation, self._geometry.stride[0]
        by_tap = np.zeros((2, self.groups * self._taken, channels), element)
        given = self._packed.weights.reshape(channels, kh, kw)
        for index, (x, y) in enumerate(self._places):
            for row in range(2):
                ky, rest = divmod(y - row * stride, dilation[0])
                if rest == 0 and 0 <= ky < kh:
                    by_tap[row, index] = given[:, ky, x // dilation[1]]
        return by_tap.reshape(2, self.groups, self._taken, channels).transpose(1, 0, 2, 3)

    def offsets(self, columns: int, pixel: int) -> list[int]:
        """Each tap's byte offset; those that fill the last group read the first tap's codes."""
        found = [(y * columns + x) * pixel for x, y in self._places]
        return found + [found[0]] * (self.groups * self._taken - len(found))
