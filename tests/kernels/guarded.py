"""Arrays that end, or begin, at a page nobody may touch. Run as a script: calls every kernel on such arrays.

A read or write outside a tensor kills the process.
"""

from __future__ import annotations

import ctypes
import mmap
from enum import Enum
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels import combine, depthwise, interpreter, isa, pool, rescale
from npusim.kernels.direct.weights import pack_blocks
from npusim.kernels.dot import across_columns, along_products, avx2, avx512_vnni
from npusim.kernels.events import EventCounts
from npusim.kernels.gather import gather
from npusim.kernels.geometry import Geometry
from npusim.kernels.isa import InstructionSet
from npusim.kernels.jit import readonly
from npusim.kernels.ordered import OrderedColumn
from npusim.kernels.ordered_narrow import BY_CHANNEL, BY_PIXEL, DEPTHWISE, accumulate_narrow, transposed
from npusim.kernels.ordered_wide import accumulate_wide
from npusim.kernels.packed import Nest, pack
from npusim.kernels.plan import Plan, compile_pipeline
from npusim.kernels.statistics import AccumulatorStatistics
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Clamp, Float32, Multiply, Saturate, ShiftRight, Table, Wrap
from npusim.spec.width import Overflow, Width

_PROT_NONE = 0
_libc = ctypes.CDLL(None, use_errno=True)
_KEPT: list[Any] = []
"""Maps live as long as the process: their pages stay forbidden."""


class Place(Enum):
    """Where the forbidden page lies."""

    BEHIND = "behind"
    BEFORE = "before"


def guarded(array: npt.NDArray[Any], place: Place) -> npt.NDArray[Any]:
    """A writable copy that ends at the last byte before a forbidden page, or begins right after one."""
    pages = -(-max(array.nbytes, 1) // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 2) * mmap.PAGESIZE)
    _KEPT.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (0, pages + 1):
        if _libc.mprotect(ctypes.c_void_p(start + page * mmap.PAGESIZE), mmap.PAGESIZE, _PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")
    behind = (pages + 1) * mmap.PAGESIZE - array.nbytes
    offset = behind if place is Place.BEHIND else mmap.PAGESIZE
    made = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    made[...] = array
    return made


class Guard:
    """Guarded inputs and outputs of one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.random = np.random.default_rng(0)

    def given(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A guarded input as kernels take it."""
        made = guarded(array, self.place)
        return readonly(made, made.dtype)

    def codes(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.int8) -> npt.NDArray[Any]:
        """A guarded random input."""
        limits = np.iinfo(np.dtype(dtype))  # type: ignore[type-var]
        return self.given(self.random.integers(limits.min, limits.max + 1, shape).astype(dtype))

    def out(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A guarded output."""
        return guarded(np.zeros(shape, dtype), self.place)

    def operands(self, plan: Plan) -> tuple[npt.NDArray[Any], ...]:
        """A plan's arrays as the interpreter takes them."""
        return self.given(plan.wide), self.given(plan.reals), self.given(plan.tables)


def check_pipelines(guard: Guard) -> None:
    """Interpreter and rescale, on lengths around a chunk."""
    table = guard.random.integers(-9, 9, 17)
    stages = [
        Multiply(by="m"),
        ShiftRight(by=(7,), rounding=Rounding.HALF_EVEN),
        Float32(scale=0x3F000001),
        Add(operand=3),
        Wrap(to=9),
        Saturate(to=8),
        Table(index_bits=4, fraction_bits=4, rounding=Rounding.HALF_UP),
    ]
    common = [*stages[:2], Add(operand=3), Clamp(low=-100, high=90)]
    for channels in (1, 7):
        fields = {"m": guard.random.integers(1, 9, channels), "table": table}
        plan, fused = compile_pipeline(stages, fields, channels), compile_pipeline(common, fields, channels)
        assert fused.fused is not None
        for length in (1, 15, 16, 17, 511, 512, 513, 1025):
            values = guarded(guard.random.integers(-9999, 9999, length), guard.place)
            events = EventCounts(len(stages))
            counts, first = guarded(events.counts, guard.place), guarded(events.first, guard.place)
            wide, reals, tables = guard.operands(plan)
            ops, stage_ops = guard.given(plan.ops), guard.given(plan.stage_ops)
            last = len(stages)
            bad = interpreter.interpret(
                values, ops, stage_ops, 0, last, wide, reals, tables, 1, counts, first, 0
            )
            assert bad == 0
            small, constants = guard.given(fused.fused.small), guard.given(fused.fused.constants)
            for word in (np.int32, np.int64):
                accumulators = guard.given(guard.random.integers(-9999, 9999, length).astype(word))
                for out in (np.int8, np.uint8, np.int16):
                    for correction in range(3):
                        codes = guard.out((length,), out)
                        rescale._rescale(accumulators, small, constants, correction, codes)
            operands = guard.given(guard.random.integers(-9, 9, (4, small.shape[1])).astype(np.int32))
            for dtype in (np.int8, np.uint8, np.int16):
                a, b = guard.codes((length,), dtype), guard.codes((length,), dtype)
                codes = guard.out((length,), dtype)
                combine._combine(a, b, 0, operands, small, constants, 0, codes)


def check_dots(guard: Guard) -> None:
    """Both layouts, on tails of rows, products and columns."""
    for rows in (1, 3, 4, 5, 8):
        for columns in (1, 3, 4, 5, 15, 16, 17, 33):
            for depth in (4, 8, 32, 64):
                patches = guard.codes((-(-rows // 4) * 4, depth), np.int16)
                blocks = -(-columns // 4) * 4
                for word, element in ((np.int32, np.int16), (np.int64, np.int32)):
                    out = guard.out((rows, columns + 2), word)
                    weights = guard.codes((blocks, depth), element)
                    along_products.multiply_rows(patches, weights, out, 2, columns)
                out = guard.out((rows, columns + 2), np.int32)
                weights = guard.codes((depth, columns), np.int32)
                across_columns.multiply_columns(patches[:rows], weights, out, 2)
                if InstructionSet.AVX2 in isa.available():
                    pairs = avx2.DOT_PRODUCT.pack(guard.codes((columns, depth), np.int8), np.dtype(np.int8))
                    assert isinstance(pairs, avx2.PairsMatrix)
                    whole = guard.codes((-(-rows // 12) * 12, depth), np.int16)
                    avx2.multiply_pairs(whole, guard.given(pairs.weights), out, 2, columns)
                if isa.selected() is InstructionSet.AVX512_VNNI:
                    blocks = pack_blocks(guard.codes((columns, depth), np.int8))
                    given = guard.given(blocks.weights), guard.given(blocks.table)
                    bytes_ = guard.codes((rows, depth), np.uint8)
                    avx512_vnni.multiply_blocks(bytes_, *given, out, 2, columns)


def check_windows(guard: Guard) -> None:
    """Gather, depthwise and pools, with padding on all sides and none."""
    for geometry in (
        Geometry((3, 2), (5, 4), (1, 2), (1, 1), (1, 1)),
        Geometry((2, 3), (4, 3), (1, 1), (1, 2), (0, 0)),
        Geometry((1, 1), (5, 7)),
    ):
        parameters = guard.given(geometry.parameters)
        for dtype in (np.int8, np.uint8, np.int16):
            for channels in (1, 3, 16, 17):
                x = guard.codes((5, 7, channels), dtype)
                for first, count in ((0, channels), (channels // 2, channels - channels // 2)):
                    patches = guard.out((geometry.pixels, geometry.taps * count), np.int16)
                    gather(x, first, count, parameters, 0, geometry.pixels, 1, 0, patches)
                    if np.dtype(dtype).itemsize == 1:
                        narrow = guard.out(patches.shape, np.uint8)
                        gather(x, first, count, parameters, 0, geometry.pixels, 1, 0, narrow)
                pool.add_windows(x, parameters, guard.out((geometry.pixels, channels), np.int64))
                pool._maximum(x, parameters, guard.out((geometry.pixels, channels), dtype))
    for channels in (1, 15, 16, 17):
        for multiplier in (1, 2):
            for taps in (1, 2, 3, 4, 9):
                for dtype in (np.int8, np.uint8, np.int16):
                    x = guard.codes(((taps + 4) * channels,), dtype)
                    origins = guard.given(np.arange(5) * channels)
                    places = guard.given(np.arange(taps) * channels)
                    weights = guard.codes((taps, multiplier, channels), np.int32)
                    bias = guard.codes((multiplier, channels), np.int64)
                    for word in (np.int32, np.int64):
                        out = guard.out((5, channels * multiplier), word)
                        depthwise._depthwise(x, origins, places, weights, bias, out)


def check_ordered(guard: Guard) -> None:
    """Ordered accumulation of groups and of depthwise channels."""
    column = Column(Width(12), Overflow.SATURATE, BiasPlace.LATE, Width(10))
    for nest, groups in ((Nest.CONV2D, 1), (Nest.CONV2D, 2), (Nest.DEPTHWISE, 3)):
        for each in (1, 2, 9):
            per_group = 1 if nest is Nest.DEPTHWISE else 5
            weights = guard.random.integers(-128, 128, (groups * each, 2, 1, per_group)).astype(np.int8)
            packed = pack(weights, np.int8, nest=nest, groups=groups)
            outputs = groups * each
            made = OrderedColumn(column, packed, readonly(np.zeros(outputs), np.int64), 3)
            seen = AccumulatorStatistics.of_nothing(outputs)
            shapes = ((1, outputs), (4, outputs))
            for group, held in product(range(packed.ordered_weights.shape[0]), shapes):
                weights_of = guard.given(packed.ordered_weights[group])
                common = (
                    guard.codes((1, outputs), np.int64),
                    guard.codes(held, np.int64),
                    guard.codes(held, np.int64),
                    guard.given(made.beats),
                    guard.given(made.registers),
                    1,
                )
                place = (
                    group * weights_of.shape[1],
                    guard.out((4, outputs), np.int64),
                    guarded(seen.tally, guard.place),
                    guarded(seen.lowest, guard.place),
                    guarded(seen.highest, guard.place),
                    0,
                )
                patches = guard.codes((4, packed.products), np.int16)
                channel = guard.given(made.channel)
                accumulate_wide(patches, weights_of, 0, made.channels, channel, *common, *place)
                for word in (np.dtype(np.int32), np.dtype(np.int64)):
                    own = guard.given(packed.ordered_weights[group].astype(word))
                    turned, others = guard.given(transposed(patches, 4, 0, word)), int(held[0] > 1)
                    if nest is Nest.CONV2D:
                        accumulate_narrow(BY_PIXEL, patches, 0, turned, own, *common, others, *place)
                        accumulate_narrow(BY_CHANNEL, patches, 0, own, turned, *common, others, *place)
                    elif each == 1:
                        rows = guard.given(np.zeros((own.shape[0], 4), word))
                        accumulate_narrow(DEPTHWISE, patches, 0, own, rows, *common, others, *place)


if __name__ == "__main__":
    for chosen in Place:
        for check in (check_pipelines, check_dots, check_windows, check_ordered):
            check(Guard(chosen))
    print("all tensors respected")
