"""Steps in one pass against the general kernels, shape by shape. Run as a script: says how many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.conv import direct_convolution
from npusim.kernels.direct.depthwise import direct_depthwise
from npusim.kernels.direct.protocol import Direct
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import readonly
from npusim.kernels.mac import accumulate_fast
from npusim.kernels.packed import Nest, pack
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.rescale import rescale
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Clamp, Multiply, ShiftRight
from tests.kernels.guarded import Guard, Place

HALF_UP = Rounding.HALF_UP


class Case:
    """A step and its one-pass form."""

    def __init__(
        self,
        size: tuple[int, int],
        channels: int,
        outputs: int,
        geometry: Geometry,
        groups: int = 1,
        rule: Rounding = HALF_UP,
        dtype: npt.DTypeLike = np.int8,
        nest: Nest = Nest.CONV2D,
    ) -> None:
        random = np.random.default_rng(channels * 1000 + outputs)
        self.dtype, self.geometry, self.size = np.dtype(dtype), geometry, size
        limits = np.iinfo(self.dtype)  # type: ignore[type-var]
        self.x = random.integers(limits.min, limits.max + 1, (*size, channels)).astype(dtype)
        shape = (outputs, *geometry.kernel, channels // groups)
        weights = random.integers(-128, 128, shape).astype(np.int8)
        weights[0] = -128
        self.bias = random.integers(-9999, 9999, outputs)
        self.packed = pack(weights, dtype, nest=nest, groups=groups, pad_code=3)
        low, high = (-100, 120) if self.dtype == np.int8 or nest is Nest.DEPTHWISE else (5, 250)
        self.codes = np.dtype(np.int8 if low < 0 else np.uint8)
        stages = [
            Multiply(by="m"),
            ShiftRight(by=(16, "s"), rounding=rule),
            Add(operand=-7),
            Clamp(low=low, high=high),
        ]
        # Powers of two times odd numbers: ties are met.
        fields = {"m": random.choice([1, 3, 256, 40001], outputs), "s": random.integers(0, 60, outputs) // 10}
        self.plan = compile_pipeline(stages, fields, outputs)
        reach = int(np.abs(weights.astype(np.int64)).reshape(outputs, -1).sum(axis=1).max()) * 255 + 9999
        make: Any = direct_depthwise if nest is Nest.DEPTHWISE else direct_convolution
        found = make(self.packed, self.bias, geometry, size, self.plan, reach, self.codes)
        assert found is not None
        self.direct: Direct = found

    def expected(self) -> npt.NDArray[Any]:
        """By the general kernels."""
        sums = accumulate_fast(self.x, self.packed, self.bias, self.geometry)
        return rescale(self.plan, sums, self.codes)

    def made(self, guard: Guard, part: int | None = None) -> npt.NDArray[Any]:
        """In one pass, between guard pages, all at once or so many units at a time."""
        out = guard.out((self.expected().size,), np.uint8)
        x = readonly(guard.given(self.x).reshape(-1).view(np.uint8), np.uint8)
        scratch = guard.out((self.direct.scratch_bytes,), np.uint8)
        scratch[...] = 0xA5
        step = part or self.direct.units
        for first in range(0, self.direct.units, step):
            self.direct.run([x], out, scratch, first, min(first + step, self.direct.units))
        return out.view(self.codes)


def window(size: tuple[int, int], kernel: int, stride: int = 1, dilation: int = 1, pad: int = 0) -> Geometry:
    """A square window with the same padding on every side."""
    extent = (kernel - 1) * dilation + 1
    rows, columns = ((length + 2 * pad - extent) // stride + 1 for length in size)
    return Geometry((kernel, kernel), (rows, columns), (stride, stride), (dilation, dilation), (pad, pad))


def cases() -> Iterator[Case]:
    """Tails of rows, columns, channels and stretches; every rule; signs, strides, dilations, groups."""
    for rule in Rounding:
        yield Case((5, 6), 8, 20, window((5, 6), 1), rule=rule)
        yield Case((5, 6), 70, 70, window((5, 6), 3, 1, 1, 1), 70, rule, nest=Nest.DEPTHWISE)
    for outputs in (1, 15, 16, 17, 33, 49, 64, 65, 80, 100, 129, 145):
        yield Case((5, 5), 12, outputs, window((5, 5), 3, 1, 2, 1))
        yield Case((5, 5), 5, outputs, window((5, 5), 1, 2), dtype=np.uint8)
    for size in ((1, 1), (1, 5), (1, 6), (1, 7), (1, 8), (1, 9), (23, 1), (24, 1), (25, 1)):
        yield Case(size, 16, 64, window(size, 1))
        yield Case(size, 16, 33, window(size, 1))
    yield Case((6, 5), 16, 24, window((6, 5), 2, 1, 1, 0), 4)
    yield Case((6, 5), 6, 6, window((6, 5), 3, 1, 1, 1), 2)
    for channels in (1, 3, 15, 16, 17, 33, 63, 64, 65, 100, 128):
        for geometry in (window((9, 7), 3, 1, 2, 2), window((9, 7), 5, 2, 1, 2), window((9, 7), 2)):
            for dtype in (np.int8, np.uint8):
                yield Case((9, 7), channels, channels, geometry, channels, HALF_UP, dtype, Nest.DEPTHWISE)
    big = window((40, 40), 3, 1, 1, 1)
    yield Case((40, 40), 96, 96, big, 96, nest=Nest.DEPTHWISE)  # several bands


def main() -> int:
    """Compare all cases at both ends of a page; how many there were."""
    number = 0
    for case in cases():
        number += 1
        expected = case.expected().reshape(-1)
        for place in Place:
            for part in (None, 7):
                np.testing.assert_array_equal(case.made(Guard(place), part), expected)
    return number


if __name__ == "__main__":
    print(f"{main()} cases agree")
