"""A bit of everything the kernels compute, from fixed seeds, as one digest. Run as a script: prints it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.combine import combine_codes
from npusim.kernels.events import EventCounts
from npusim.kernels.geometry import Geometry
from npusim.kernels.mac import accumulate_fast, accumulate_ordered
from npusim.kernels.packed import Nest, pack
from npusim.kernels.pipeline import compile_pipeline, run
from npusim.kernels.pool import average_sums, max_pool
from npusim.kernels.rescale import rescale
from npusim.spec.elementwise import Combination
from npusim.spec.mac import Column
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Clamp, Float32, Multiply, Saturate, ShiftRight
from npusim.spec.width import Overflow, Width


def results() -> Iterator[npt.NDArray[Any]]:
    """Everything, in a fixed order."""
    random = np.random.default_rng(1)
    geometry = Geometry((3, 3), (9, 8), pad_before=(1, 1))
    for nest, groups, per_group in ((Nest.CONV2D, 1, 19), (Nest.CONV2D, 2, 9), (Nest.DEPTHWISE, 9, 1)):
        x = random.integers(-128, 128, (9, 8, groups * per_group)).astype(np.int8)
        weights = random.integers(-127, 128, (18, 3, 3, per_group)).astype(np.int8)
        bias = random.integers(-9999, 9999, 18)
        packed = pack(weights, np.int8, nest=nest, groups=groups, pad_code=-5)
        yield (sums := accumulate_fast(x, packed, bias, geometry))
        for column in (
            Column(Width(16), Overflow.SATURATE),
            Column(Width(18), Overflow.WRAP, tree=Width(15)),
        ):
            values, seen = accumulate_ordered(x, packed, bias, geometry, column, 16)
            yield from (values, seen.tally, seen.lowest, seen.highest)
        yield from _rescaled(sums)
        yield from (*average_sums(x, geometry, 3), max_pool(x, geometry))
        operands = [
            compile_pipeline([Add(operand=zero), Multiply(by=31000)], {}, x.shape[2]) for zero in (3, -9)
        ]
        result = compile_pipeline(
            [ShiftRight(by=(16,), rounding=Rounding.HALF_UP), Saturate(to=8)], {}, x.shape[2]
        )
        rows = x.reshape(-1, x.shape[2])
        for combination in (Combination.SUM, Combination.DIFFERENCE):
            yield combine_codes(
                combination, (operands[0], operands[1]), result, (rows, rows[::-1].copy()), np.int8
            )


def _rescaled(sums: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[Any]]:
    channels = sums.shape[1]
    shift = np.arange(channels) % 5
    for rounding in Rounding:
        stages = [
            Multiply(by=40001),
            ShiftRight(by=(22, "shift"), rounding=rounding),
            Add(operand=-7),
            Clamp(low=-100, high=127),
        ]
        plan = compile_pipeline(stages, {"shift": shift}, channels)
        events = EventCounts(len(stages))
        yield rescale(plan, sums, np.int8)
        yield from (rescale(plan, sums, np.int8, events), events.counts, events.first)
        in_float = compile_pipeline([Float32(scale=0x3B9A3C21, rounding=rounding, to=8)], {}, channels)
        events = EventCounts(1)
        yield from (run(in_float, sums.astype(np.int64), events), events.counts)


def digest() -> str:
    """The digest of all results."""
    hashed = hashlib.sha256()
    for array in results():
        hashed.update(f"{array.dtype}{array.shape}".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


if __name__ == "__main__":
    print(digest())
