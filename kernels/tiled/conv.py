"""Convolutions and dense layers from codes to codes, without gathering patches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from npusim.kernels.direct.protocol import Bytes, Call
from npusim.kernels.emit.multiply import Operands
from npusim.kernels.emit.order import Order
from npusim.kernels.emit.registers import COUNT
from npusim.kernels.emit.rescale import Form
from npusim.kernels.emit.tile_once import OPERANDS
from npusim.kernels.event_plan import EventPlan
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import readonly
from npusim.kernels.ops import Words
from npusim.kernels.packed import Nest, Packed
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.constants import RescaleConstants, rescale_constants
from npusim.kernels.tiled.conv_count_loop import convolve_counting
from npusim.kernels.tiled.conv_loop import COLUMNS, ENDS, FORM, HEAD, convolve
from npusim.kernels.tiled.operands import operand_type
from npusim.kernels.tiled.real_constants import real_constants
from npusim.kernels.tiled.told import Layout, Told, group_lanes, told_by
from npusim.kernels.tiled.weights import Blocks, pack_blocks
from npusim.kernels.tiled.window import Segments

_FLIPS, _MORE_FLIPS = -0x7F7F7F80, -0x7F7F7F7F7F7F7F80
"""Four times 0x80, as int32, and eight times, as int64."""


@dataclass(frozen=True, eq=False)
class _Group:
    """One group's weights and constants."""

    blocks: Blocks
    rescale: RescaleConstants
    settings: Words
    order: Words
    reach: Words
    """Of `Layout`."""
    relaid: Callable[..., RescaleConstants | None]
    """`rescale_constants` again, with other forms."""

    def arguments(self, x: Bytes, out: Bytes, scratch: Bytes, units: tuple[int, int]) -> tuple[Any, ...]:
        """As `convolve` takes them."""
        blocks = self.blocks
        return x, blocks.weights, self.rescale.rows, blocks.table, self.settings, *units, scratch, out

    def counting(self, plan: EventPlan) -> tuple[_Group, Told] | None:
        """What counts, and what is told; None if a plan's events cannot be told."""
        used = self.blocks.columns >= 0
        layout = Layout(
            self.order.reshape(-1, COUNT),
            used.reshape(-1, COUNT),
            self.reach,
            np.where(used, self.blocks.columns, self.settings[COLUMNS]).reshape(-1, COUNT),
            np.array([group_lanes(own) for own in used]),
            Order.BY_VECTOR,
        )
        found = told_by(plan, self.rescale, self.relaid, layout)
        if found is None:
            return None
        rescale, plan_told = found
        settings = self.settings.copy()
        settings[FORM], settings[ENDS : ENDS + 4] = rescale.form, rescale.ends
        return replace(self, rescale=rescale, settings=readonly(settings, np.int64)), plan_told


class TiledConvolution:
    """One step's convolution; make it with `tiled_convolution`.

    Attributes
    ----------
    units
        Output pixels.
    scratch_bytes
        What a call needs.
    form
        How its sums are rescaled.
    """

    def __init__(self, groups: list[_Group], pixels: int, scratch_bytes: int) -> None:
        self._groups = groups
        self.units, self.scratch_bytes = pixels, scratch_bytes
        self.form = groups[0].rescale.form

    def run(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int) -> None:
        """See `Direct.run`."""
        for group in self._groups:
            convolve(*group.arguments(inputs[0], out, scratch, (first, last)))

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """See `Chained.calls`."""
        units = 0, self.units
        return [Call(convolve, group.arguments(inputs[0], out, scratch, units)) for group in self._groups]

    def counting(self, plan: EventPlan) -> CountingConvolution | None:
        """The same with its events counted; None if it cannot tell them."""
        groups, tolds = [], []
        for group in self._groups:
            found = group.counting(plan)
            if found is None:
                return None
            groups.append(found[0])
            tolds.append(found[1])
        return CountingConvolution(groups, tolds, self.units, self.scratch_bytes)


class CountingConvolution:
    """A convolution with its events counted; see `Counting`.

    Attributes
    ----------
    ways
        Forms of sums, and how tiles of them are counted.
    """

    def __init__(self, groups: list[_Group], tolds: list[Told], pixels: int, scratch_bytes: int) -> None:
        self._groups, self._tolds = groups, tolds
        self.units, self.scratch_bytes = pixels, scratch_bytes
        self.ways = {
            (group.rescale.form, way)
            for group, told in zip(groups, tolds, strict=True)
            for way in told.ways.tolist()
        }

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        for arguments in self._arguments(inputs[0], out, scratch, (first, last), record):
            convolve_counting(*arguments)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        calls = self._arguments(inputs[0], out, scratch, (0, self.units), record)
        return [Call(convolve_counting, arguments) for arguments in calls]

    def _arguments(
        self, x: Bytes, out: Bytes, scratch: Bytes, units: tuple[int, int], record: Words
    ) -> list[tuple[Any, ...]]:
        """As `convolve_counting` takes them."""
        both = zip(self._groups, self._tolds, strict=True)
        return [(*group.arguments(x, out, scratch, units), *plan.arguments, record) for group, plan in both]


def tiled_convolution(
    packed: Packed,
    bias: Words,
    geometry: Geometry,
    size: tuple[int, int],
    plan: Plan,
    reach: int,
    codes: np.dtype[np.generic],
) -> TiledConvolution | None:
    """The one-pass form of a conv2d, grouped or dense step; None if it is not proven right.

    Parameters
    ----------
    bias : int64[O]
    size
        Input rows and columns.
    plan
        The step's rescale.
    reach
        The greatest magnitude of an accumulator or any of its prefixes (A5).
    codes
        The output's type.
    """
    element = operand_type(packed)
    if packed.nest is not Nest.CONV2D or element is None:
        return None
    signed = packed.x_dtype == np.int8
    flips = 128 if signed and element.itemsize == 1 else 0
    start = bias - (packed.x_zero + flips) * packed.zero_share
    segments = Segments.of(geometry, size, packed, element.itemsize)
    once = Operands.SHORTS if element.itemsize == 2 else Operands.BYTES
    without = set[Form]() if once is OPERANDS else {Form.HALVES}
    groups, sum_reach = [], packed.sum_reach(bias)
    for index in range(packed.groups):
        own = range(index * packed.group_outputs, (index + 1) * packed.group_outputs)
        blocks = pack_blocks(segments.rows_of(packed.weights[own.start : own.stop], element))
        columns = blocks.columns.reshape(-1)
        # Lanes without a channel do what the last one's do, and are not written.
        order = np.where(columns >= 0, columns, len(own) - 1) + own.start
        relaid = partial(rescale_constants, plan, reach, order, start, codes)
        constants = relaid(without) or real_constants(plan, reach, order, start, codes)
        if constants is None:
            return None
        settings = _settings(segments, geometry, size, packed, constants, own)
        groups.append(_Group(blocks, constants, settings, order, sum_reach, relaid))
    return TiledConvolution(groups, geometry.pixels, HEAD + segments.scratch_bytes)


def _settings(
    segments: Segments,
    geometry: Geometry,
    size: tuple[int, int],
    packed: Packed,
    constants: RescaleConstants,
    own: range,
) -> Words:
    """As `conv_loop` names them."""
    element = np.dtype(operand_type(packed)).itemsize
    pixel = packed.inputs
    row, channels = segments.columns * pixel, int(packed.weights.shape[3])
    settings = [
        int(segments.made),
        int(element == 2),
        geometry.out[1],
        geometry.stride[0] * row * element,
        geometry.stride[1] * pixel * element,
        size[1] * pixel,
        geometry.pad_before[0],
        geometry.pad_before[1] * pixel,
        geometry.stride[0],
        segments.extent[0],
        row,
        segments.band,
        segments.steps,
        _FLIPS if packed.x_dtype == np.int8 else 0,
        packed.pad_code,
        8 * packed.x_dtype.itemsize,
        packed.outputs,
        int(constants.form),
        own.start,
        len(own),
        len(segments.offsets),
        *constants.ends,
        *[_MORE_FLIPS if packed.x_dtype == np.int8 else 0] * 8,
    ]
    group = own.start // packed.group_outputs
    return readonly([*settings, *(segments.offsets + group * channels * element)], np.int64)
