"""Convolutions, depthwise convolutions and dense layers: codes and weights to accumulators (W2, W3).

Three ways, all of them equal to `npusim.spec.mac` where they apply: `accumulate_fast` for exact sums
that are proven to fit, `accumulate_wrapped` for accumulators that wrap, `accumulate_ordered` for
everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.depthwise import depthwise_sums
from npusim.kernels.gather import gather
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import Array, readonly
from npusim.kernels.ops import Words
from npusim.kernels.ordered import Held, OrderedColumn
from npusim.kernels.packed import Nest, Packed, pack
from npusim.kernels.statistics import AccumulatorStatistics
from npusim.spec.mac import Column
from npusim.spec.width import Width

_TILE_BYTES = 1 << 18
"""Patches of one tile: they stay in the second-level cache."""

_LEAST_ROWS = 16


def accumulate_fast(
    x: Array,
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    rows: range | None = None,
    word: npt.DTypeLike = np.int32,
) -> Array:
    """Exact sums of one image, bias included.

    Parameters
    ----------
    x : packed.x_dtype[H, W, C]
    packed
        From `pack`.
    bias : int64[O]
    geometry
        The window; its kernel is that of the weights.
    rows
        Output pixels, counted row by row; None: all.
    word
        int32 or int64: the caller has proven that the sums fit (A5).

    Returns
    -------
    word[len(rows), O]
    """
    rows, word = _checked(x, packed, bias, geometry, rows), np.dtype(word)
    if not rows:
        return np.empty((0, packed.outputs), word)
    if packed.nest is Nest.DEPTHWISE:
        start = bias - packed.x_zero * packed.zero_share
        return depthwise_sums(x, packed, start, geometry, rows, word)
    dot, codes = packed.dot, packed.x_dtype
    offset = dot.code_offset(codes)
    start = (bias - (packed.x_zero + offset) * packed.zero_share).astype(word)
    depth = dot.depth(packed.products)
    sums = np.empty((len(rows), packed.outputs), word)
    for tile, patches in _tiles(rows, depth, dot.element(codes), dot.row_block):
        out = sums[tile.start - rows.start : tile.stop - rows.start]
        for group, matrix in enumerate(packed.matrices):
            _gather(x, packed, geometry, tile, group, offset, patches)
            dot.tile(patches, matrix, out, group * packed.group_outputs)
        out += start
    return sums


def accumulate_wrapped(
    x: Array,
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    register: Width,
    rows: range | None = None,
    base_index: int = 0,
) -> tuple[Words, AccumulatorStatistics]:
    """Sums wrapped to a signed register: the order does not matter (A5).

    The adder tree, if any, must not saturate and must be at least as wide as the register; exact sums
    must fit int64.

    Returns
    -------
    values : int64[len(rows), O]
    statistics
        `final` only: prefixes were not looked at. `lowest`, `highest` are those of the exact sums.
    """
    rows = _checked(x, packed, bias, geometry, rows)
    exact = accumulate_fast(x, packed, bias, geometry, rows, np.int64)
    statistics = AccumulatorStatistics.of_exact(exact, register, base_index + rows.start * packed.outputs)
    return wrap(exact, register), statistics


def accumulate_ordered(
    x: Array,
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    column: Column,
    lanes: int,
    rows: range | None = None,
    base_index: int = 0,
    held: Held | None = None,
) -> tuple[Words, AccumulatorStatistics]:
    """Beat by beat in the order of the loop nest (A6), register by register, as the spec has it.

    Parameters
    ----------
    x, packed, bias, geometry, rows
        As for `accumulate_fast`.
    column
        The MAC column's registers, each signed and up to 64 bits.
    lanes
        Products a beat.
    base_index
        The linear index of output pixel 0, channel 0.
    held
        What each of `rows` goes on from; None: from the bias.

    Returns
    -------
    values : int64[len(rows), O]
    statistics
    """
    rows = _checked(x, packed, bias, geometry, rows)
    values = np.empty((len(rows), packed.outputs), np.int64)
    statistics = AccumulatorStatistics.of_nothing(packed.outputs)
    ordered = OrderedColumn(column, packed, readonly(bias, np.int64), lanes)
    for tile, patches in _tiles(rows, packed.products, np.dtype(np.int16), 1):
        part = slice(tile.start - rows.start, tile.stop - rows.start)
        out, start = values[part], None if held is None else held.part(part)
        for group in range(packed.ordered_weights.shape[0]):
            _gather(x, packed, geometry, tile, group, 0, patches)
            base = base_index + tile.start * packed.outputs
            ordered.accumulate(patches, group, out, statistics, base, start)
    return values, statistics


def wrap(values: Words, register: Width) -> Words:
    """Values modulo a signed register's range."""
    shift = 64 - register.bits
    wrapped: Words = (values << shift) >> shift
    return wrapped


def _tiles(rows: range, depth: int, element: np.dtype[Any], row_block: int) -> Iterator[tuple[range, Array]]:
    """Output pixels in cache-sized ranges, with one buffer for the patches of each."""
    fitting = _TILE_BYTES // (depth * element.itemsize)
    count = max(1, min(max(fitting, _LEAST_ROWS), len(rows)))
    patches = np.zeros((-(-count // row_block) * row_block, depth), element)
    for start in range(rows.start, rows.stop, count):
        yield range(start, min(start + count, rows.stop)), patches


def _gather(
    x: Array,
    packed: Packed,
    geometry: Geometry,
    tile: range,
    group: int,
    offset: int,
    patches: Array,
) -> None:
    channels = packed.inputs if packed.nest is Nest.DEPTHWISE else packed.weights.shape[3]
    gather(
        readonly(x, packed.x_dtype),
        group * channels,
        channels,
        geometry.parameters,
        tile.start,
        len(tile),
        packed.pad_code,
        offset,
        patches,
    )


def _checked(
    x: Array,
    packed: Packed,
    bias: npt.NDArray[np.int64],
    geometry: Geometry,
    rows: range | None,
) -> range:
    """The output pixels, after refusing operands that do not fit each other."""
    if x.dtype != packed.x_dtype or x.ndim != 3 or x.shape[2] != packed.inputs:
        raise ValueError(f"x must be {packed.x_dtype}[H, W, {packed.inputs}], not {x.dtype}{x.shape}")
    if bias.dtype != np.int64 or bias.shape != (packed.outputs,):
        raise ValueError(f"bias must be int64[{packed.outputs}], not {bias.dtype}{bias.shape}")
    if geometry.kernel != packed.kernel:
        raise ValueError(f"the window is {geometry.kernel}, the weights are {packed.kernel}")
    every = range(geometry.pixels)
    chosen = every if rows is None else rows
    if chosen.step != 1 or (chosen and not (chosen[0] in every and chosen[-1] in every)):
        raise ValueError(f"{chosen} leaves the output's pixels {every}")
    return chosen


__all__ = [
    "AccumulatorStatistics",
    "Geometry",
    "Held",
    "Nest",
    "Packed",
    "accumulate_fast",
    "accumulate_ordered",
    "accumulate_wrapped",
    "pack",
    "wrap",
]
