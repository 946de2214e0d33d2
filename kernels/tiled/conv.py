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
from npusim.kernels.tiled.conv_loop import COLUMNS, ENDS, FORM, HEAD, convolve
from npusim.kernels.tiled.operands import operand_type
from npusim.kernels.tiled.real_constants import real_constants
from npusim.kernels.tiled.tally import NO_RECORD, NOT_TOLD, Told, group_lanes, told_by
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
    relaid: Callable[..., RescaleConstants | None]
    """`rescale_constants` again, with other forms."""

    def counting(self, plan: EventPlan) -> tuple[_Group, Told] | None:
        """What counts, and what is told; None if a plan's events cannot be told."""
        columns = self.blocks.columns
        lanes = np.array([group_lanes(own >= 0) for own in columns])
        places = np.where(columns >= 0, columns, self.settings[COLUMNS]).reshape(-1, COUNT)
        found = told_by(plan, self.rescale, self.relaid, self.order, places, lanes, Order.BY_VECTOR)
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
            _run(group, inputs[0], out, scratch, (first, last), NOT_TOLD, NO_RECORD)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes) -> list[Call]:
        """See `Chained.calls`."""
        units = 0, self.units
        return [
            Call(convolve, _arguments(group, inputs[0], out, scratch, units, NOT_TOLD, NO_RECORD))
            for group in self._groups
        ]

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
    """A convolution with its events counted; see `Counting`."""

    def __init__(self, groups: list[_Group], tolds: list[Told], pixels: int, scratch_bytes: int) -> None:
        self._groups, self._tolds = groups, tolds
        self.units, self.scratch_bytes = pixels, scratch_bytes

    def run(
        self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, first: int, last: int, record: Words
    ) -> None:
        """See `Counting.run`."""
        for group, plan in zip(self._groups, self._tolds, strict=True):
            _run(group, inputs[0], out, scratch, (first, last), plan, record)

    def calls(self, inputs: Sequence[Bytes], out: Bytes, scratch: Bytes, record: Words) -> list[Call]:
        """See `ChainedCounting.calls`."""
        units = 0, self.units
        return [
            Call(convolve, _arguments(group, inputs[0], out, scratch, units, plan, record))
            for group, plan in zip(self._groups, self._tolds, strict=True)
        ]


def _run(
    group: _Group, x: Bytes, out: Bytes, scratch: Bytes, units: tuple[int, int], plan: Told, record: Words
) -> None:
    convolve(*_arguments(group, x, out, scratch, units, plan, record))


def _arguments(
    group: _Group, x: Bytes, out: Bytes, scratch: Bytes, units: tuple[int, int], plan: Told, record: Words
) -> tuple[Any, ...]:
    """As `convolve` takes them."""
    blocks = group.blocks
    step = x, blocks.weights, group.rescale.rows, blocks.table, group.settings, *units, scratch, out
    return (*step, plan.rows, plan.lanes, plan.places, plan.wanted, plan.twice, record)


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
    groups = []
    for index in range(packed.groups):
        own = range(index * packed.group_outputs, (index + 1) * packed.group_outputs)
        blocks = pack_blocks(segments.rows_of(packed.weights[own.start : own.stop], element))
        columns = blocks.columns.reshape(-1)
        order = np.where(columns >= 0, columns + own.start, -1)
        relaid = partial(rescale_constants, plan, reach, order, start, codes)
        constants = relaid(without) or real_constants(plan, reach, order, start, codes)
        if constants is None:
            return None
        settings = _settings(segments, geometry, size, packed, constants, own)
        groups.append(_Group(blocks, constants, settings, order, relaid))
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
