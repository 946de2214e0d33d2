"""Steps in one pass, tile by tile, against the general kernels. Run as a script: says how many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.direct.protocol import Counting, Direct
from npusim.kernels.emit.count_once import WAYS, Way
from npusim.kernels.emit.registers import COUNT, WIDE
from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import event_plan
from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.geometry import Geometry
from npusim.kernels.jit import readonly
from npusim.kernels.mac import accumulate_fast
from npusim.kernels.packed import Nest, pack
from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan, compile_pipeline
from npusim.kernels.records import COUNT as RECORD_COUNT
from npusim.kernels.records import FIRST, HIGHEST, LOWEST, of_nothing
from npusim.kernels.tiled.constants import rescale_constants
from npusim.kernels.tiled.conv import tiled_convolution
from npusim.kernels.tiled.depthwise import tiled_depthwise
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, BaseStage, Clamp, Multiply, ShiftLeft, ShiftRight
from npusim.spec.width import Overflow
from tests.kernels.guarded import Guard, Place

SIZES = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 80, 100, 129)
"""One less, equal, one more than vectors, blocks and stretches of either width."""


class Weights(Enum):
    """Their codes, zero points taken off."""

    INT4 = (-8, 7)
    INT8 = (-128, 127)
    WITH_ZERO = (-255, 255)
    """uint8 with a zero point at either end."""
    INT16 = (-32768, 32767)


class Rescaling(Enum):
    """Which pipeline; each is laid out in its own form."""

    SHORT_SHIFT = "16-bit factor, one rounding, by a shift too small for high halves"
    ONE_SHIFT = "16-bit factor, one rounding"
    LONG_SHIFT = "31-bit factor, one rounding"
    DOUBLE = "gemmlowp: 31-bit factor, two roundings"
    DEAD = "gemmlowp, with channels whose bias and shift are at their ends"
    LIFTED = "gemmlowp with a left shift: the shift is too small for high halves"
    ODD = "16-bit odd factors, one rounding, of bits that only 0 has not; some sums are always 0"
    DOUBLE_ODD = "gemmlowp with odd factors; some sums are always 0"
    FAINT = "gemmlowp, odd factors first, with channels whose second shift loses more than 16 bits"


@dataclass
class Case:
    """A step and its one-pass form."""

    size: tuple[int, int]
    channels: int
    outputs: int
    geometry: Geometry
    groups: int = 1
    rule: Rounding = Rounding.HALF_UP
    codes_in: type = np.int8
    codes_out: type = np.int8
    nest: Nest = Nest.CONV2D
    weights: Weights = Weights.INT8
    rescaling: Rescaling = Rescaling.ONE_SHIFT
    random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.channels * 1000 + self.outputs)
        limits = np.iinfo(self.codes_in)  # type: ignore[type-var]
        self.x = self.random.integers(limits.min, limits.max + 1, (*self.size, self.channels)).astype(
            self.codes_in
        )
        depth = self.channels // self.groups if self.nest is Nest.CONV2D else 1
        shape = (self.outputs, *self.geometry.kernel, depth)
        low, high = self.weights.value
        weights = self.random.integers(low, high + 1, shape)
        weights[0] = low
        odd = self.rescaling in {Rescaling.ODD, Rescaling.DOUBLE_ODD}
        if odd:
            weights[1::4] = 0
        if self.weights is Weights.WITH_ZERO:
            zeros = self.random.choice([0, 255, 77], self.outputs)
            codes, own = np.clip(weights + zeros.reshape(-1, 1, 1, 1), 0, 255).astype(np.uint8), zeros
        else:
            codes, own = weights.astype(np.int16 if self.weights is Weights.INT16 else np.int8), 0
        greatest = 1 << 30 if self.rescaling is Rescaling.DEAD else 9999
        self.bias = self.random.integers(-9999, 9999, self.outputs)
        self.bias[::3] = np.where(self.bias[::3] < 0, -greatest, greatest)
        if odd:
            self.bias[1::4] = 0
        x_zero = (
            int(self.random.integers(limits.min, limits.max + 1)) if self.weights is not Weights.INT16 else 0
        )
        self.packed = pack(
            codes,
            self.codes_in,
            nest=self.nest,
            groups=self.groups,
            x_zero=x_zero,
            weight_zero=own,
            pad_code=3,
        )
        codes_reach = max(abs(limits.min - x_zero), abs(limits.max - x_zero))
        magnitudes = np.abs(self.packed.weights).reshape(self.outputs, -1).sum(axis=1)
        self.reach = int(magnitudes.max()) * codes_reach + greatest
        assert self.reach < 1 << 31
        self.plan = self._plan()
        make: Any = tiled_depthwise if self.nest is Nest.DEPTHWISE else tiled_convolution
        codes_out = np.dtype(self.codes_out)
        found = make(self.packed, self.bias, self.geometry, self.size, self.plan, self.reach, codes_out)
        assert found is not None
        self.direct: Direct = found
        events = event_plan(self.plan, self.reach)
        self.kinds = None if events is None else events.kinds
        self.counting: Counting | None = None if events is None else found.counting(events)
        assert (events is None) == (self.counting is None)

    def _plan(self) -> Plan:
        outputs, random = self.outputs, self.random
        scale = max(0, min(self.reach, 1 << 25).bit_length() - 20)
        low, high = (-100, 120) if self.codes_out == np.int8 else (5, 250)
        ends: list[BaseStage] = [Add(operand=-7), Clamp(low=low, high=high)]
        if self.rescaling is Rescaling.ODD:
            shift = self.reach.bit_length() + 2
            stages = [Multiply(by="m"), ShiftRight(by=(shift,), rounding=self.rule), *ends]
            factors = random.choice([32769, 40001, 65535], outputs)
            return compile_pipeline(stages, {"m": factors}, outputs)
        least = {Rescaling.SHORT_SHIFT: 0, Rescaling.ONE_SHIFT: 4, Rescaling.LONG_SHIFT: 16}.get(
            self.rescaling
        )
        if least is not None:
            # Powers of two times odd numbers: ties are met.
            factors = [1 << 30, (1 << 31) - 1, 3 << 29] if least == 16 else [1, 3, 256, 40001]
            shifts = random.integers(0, 60, outputs) // 10 + scale + least
            fields = {"m": random.choice(factors, outputs), "s": shifts}
            stages = [Multiply(by="m"), ShiftRight(by=(16, "s"), rounding=self.rule), *ends]
            return compile_pipeline(stages, fields, outputs)
        lifted = self.rescaling is Rescaling.LIFTED
        factors, odd = [1 << 30, 3 << 29, (1 << 31) - 1], [(1 << 30) + 1, (1 << 31) - 1]
        fields = {
            "left": random.integers(0, 2 if lifted else 1, outputs),
            "m": random.choice(odd if self.rescaling is Rescaling.DOUBLE_ODD else factors, outputs),
            "s": random.integers(0, 8, outputs) if lifted else random.integers(1, 8, outputs) + scale,
        }
        if self.rescaling is Rescaling.DEAD:
            fields["s"][::3] = 31
        if self.rescaling is Rescaling.FAINT:
            fields["s"][::3] = 17
            fields["m"][:64] = random.choice(odd, outputs)[:64]
        stages = [
            ShiftLeft(by="left", bits=32, overflow=Overflow.WRAP),
            Multiply(by="m"),
            ShiftRight(by=(31,), rounding=Rounding.HALF_UP),
            ShiftRight(by=("s",), rounding=self.rule),
            *ends,
        ]
        return compile_pipeline(stages, fields, outputs)

    def expected(self) -> npt.NDArray[Any]:
        """By the general kernels, stage by stage."""
        sums = accumulate_fast(self.x, self.packed, self.bias, self.geometry, word=np.int64)
        return run(self.plan, sums.copy()).astype(self.codes_out)

    def events(self) -> EventCounts:
        """By the general kernels, stage by stage."""
        sums = accumulate_fast(self.x, self.packed, self.bias, self.geometry, word=np.int64)
        found = EventCounts(len(self.plan.stages))
        run(self.plan, sums, found)
        return found

    def counted(self, guard: Guard, part: int | None = None) -> tuple[npt.NDArray[Any], EventCounts] | None:
        """As `made`, with events; None if these cannot be told from sums."""
        if self.counting is None or self.kinds is None:
            return None
        out, record = guard.out((self.expected().size,), np.uint8), of_nothing()
        x = readonly(guard.given(self.x).reshape(-1).view(np.uint8), np.uint8)
        scratch = guard.out((self.counting.scratch_bytes,), np.uint8)
        scratch[...] = 0xA5
        step = part or self.counting.units
        for first in range(0, self.counting.units, step):
            self.counting.run([x], out, scratch, first, min(first + step, self.counting.units), record)
        sums = accumulate_fast(self.x, self.packed, self.bias, self.geometry)
        assert (record[LOWEST], record[HIGHEST]) == (sums.min(), sums.max())
        found = EventCounts(len(self.plan.stages))
        for index, (stage, event) in enumerate(self.kinds):
            found.counts[stage, KINDS.index(event)] = record[RECORD_COUNT + index]
            found.first[stage, KINDS.index(event)] = record[FIRST + index]
        return out.view(self.codes_out), found

    def made(self, guard: Guard, part: int | None = None) -> npt.NDArray[Any]:
        """In one pass, between guard pages, all at once or so many units at a time."""
        out = guard.out((self.expected().size,), np.uint8)
        x = readonly(guard.given(self.x).reshape(-1).view(np.uint8), np.uint8)
        scratch = guard.out((self.direct.scratch_bytes,), np.uint8)
        scratch[...] = 0xA5
        step = part or self.direct.units
        for first in range(0, self.direct.units, step):
            self.direct.run([x], out, scratch, first, min(first + step, self.direct.units))
        return out.view(self.codes_out)


def window(size: tuple[int, int], kernel: int, stride: int = 1, dilation: int = 1, pad: int = 0) -> Geometry:
    """A square window with the same padding on every side."""
    extent = (kernel - 1) * dilation + 1
    rows, columns = ((length + 2 * pad - extent) // stride + 1 for length in size)
    return Geometry((kernel, kernel), (rows, columns), (stride, stride), (dilation, dilation), (pad, pad))


def _pipelines() -> Iterator[Case]:
    """Every rule and form, signed and unsigned codes on either side."""
    for rule in Rounding:
        for rescaling in Rescaling:
            twice = {Rescaling.DOUBLE, Rescaling.DEAD, Rescaling.LIFTED, Rescaling.DOUBLE_ODD}
            twice.add(Rescaling.FAINT)
            if rescaling in twice and rule is not Rounding.HALF_AWAY:
                continue
            for codes in (np.int8, np.uint8):
                point, square = window((5, 6), 1), window((5, 6), 3, 1, 1, 1)
                yield Case((5, 6), 8, 20, point, 1, rule, codes, codes, rescaling=rescaling)
                yield Case(
                    (5, 6), 70, 70, square, 70, rule, codes, codes, Nest.DEPTHWISE, rescaling=rescaling
                )


def _convolutions() -> Iterator[Case]:
    """Tails of rows, columns and channels; strides, dilations, groups, padding."""
    for outputs in SIZES:
        yield Case((5, 5), 12, outputs, window((5, 5), 3, 1, 2, 1))
        yield Case((5, 5), 5, outputs, window((5, 5), 1, 2), codes_in=np.uint8)
    for size in ((1, 1), (1, 5), (1, 6), (1, 7), (1, 8), (1, 9), (23, 1), (24, 1), (25, 1)):
        yield Case(size, 16, 64, window(size, 1))
        yield Case(size, 16, 33, window(size, 1))
    yield Case((6, 5), 16, 24, window((6, 5), 2, 1, 1, 0), 4)
    yield Case((6, 5), 6, 6, window((6, 5), 3, 1, 1, 1), 2)
    yield Case((64, 60), 96, 8, window((64, 60), 3, 1, 1, 1))  # several bands
    for weights in Weights:
        for outputs in (1, 9, 33):
            yield Case((5, 5), 6, outputs, window((5, 5), 3, 1, 1, 1), weights=weights, codes_in=np.uint8)
            yield Case((5, 5), 4, outputs, window((5, 5), 1), weights=weights)
    for outputs in (8, 17):
        yield Case((6, 5), 5, outputs, window((6, 5), 3, 1, 1, 1), codes_in=np.int16, weights=Weights.INT4)
        yield Case((6, 5), 4, outputs, window((6, 5), 1), codes_in=np.int16)


def _depthwise() -> Iterator[Case]:
    for channels in SIZES:
        windows = (
            window((9, 7), 3, 1, 2, 2),
            window((9, 7), 5, 2, 1, 2),
            window((9, 7), 2),
            window((8, 9), 3, 2),
        )
        for geometry in windows:
            size = (8, 9) if geometry is windows[-1] else (9, 7)
            for codes in (np.int8, np.uint8):
                yield Case(size, channels, channels, geometry, channels, codes_in=codes, nest=Nest.DEPTHWISE)
    for weights in Weights:
        square = window((7, 6), 3, 1, 1, 1)
        yield Case((7, 6), 40, 40, square, 40, codes_in=np.uint8, nest=Nest.DEPTHWISE, weights=weights)
    yield Case((7, 6), 40, 40, square, 40, codes_in=np.int16, nest=Nest.DEPTHWISE, weights=Weights.INT4)
    yield Case((40, 40), 96, 96, window((40, 40), 3, 1, 1, 1), 96, nest=Nest.DEPTHWISE)  # several bands
    tall = Geometry((49, 1), (1, 1))
    yield Case(
        (49, 1), 70, 70, tall, 70, nest=Nest.DEPTHWISE, rescaling=Rescaling.DOUBLE, rule=Rounding.HALF_AWAY
    )


def _counted() -> Iterator[Case]:
    """Every way of counting in registers, with lanes, rows and stretches that do not count."""
    rule = Rounding.HALF_AWAY
    for rescaling in (Rescaling.ODD, Rescaling.DOUBLE_ODD, Rescaling.DOUBLE, Rescaling.FAINT):
        for outputs in (8, 17, 40, 64, 65, 100):
            for size in ((7, 7), (12, 4)):
                yield Case(size, 4, outputs, window(size, 1), 1, rule, np.uint8, rescaling=rescaling)
        for channels in (8, 24, 64, 65, 96, 144):
            for size, stride in (((7, 7), 1), ((8, 9), 2), ((8, 8), 1)):
                geometry = window(size, 3, stride, 1, 1)
                yield Case(
                    size,
                    channels,
                    channels,
                    geometry,
                    channels,
                    rule,
                    nest=Nest.DEPTHWISE,
                    rescaling=rescaling,
                )


def forms(cases: Iterable[Case]) -> set[Form]:
    """How their constants are laid out."""
    made = set()
    for case in cases:
        order = np.minimum(np.arange(-(-case.outputs // COUNT) * COUNT), case.outputs - 1)
        found = rescale_constants(case.plan, case.reach, order, case.bias, np.dtype(case.codes_out))
        assert found is not None
        made.add(found.form)
    return made


def main() -> int:
    """Compare all cases at both ends of a page; how many there were."""
    number, told, ways = 0, 0, set()
    assert forms(_pipelines()) == set(Form) - {Form.REAL}  # of `test_real_rescale`
    for cases in (_pipelines, _convolutions, _depthwise, _counted):
        for case in cases():
            number += 1
            ways |= {(case.nest, *way) for way in getattr(case.counting, "ways", ())}
            expected = case.expected().reshape(-1)
            for place, part in product(Place, (None, 7)):
                np.testing.assert_array_equal(case.made(Guard(place), part), expected)
                counted = case.counted(Guard(place), part)
                if counted is not None:
                    told += 1
                    np.testing.assert_array_equal(counted[0], expected)
                    np.testing.assert_array_equal(counted[1].counts, case.events().counts)
                    np.testing.assert_array_equal(counted[1].first, case.events().first)
    assert told > 2 * number  # of four runs each: more than half of the cases
    own = {(form, way) for form, those in WAYS.items() for way in (*those, Way.MEMORY)}
    own.remove((Form.HALVES, Way.MEMORY))
    shapes = {(Nest.CONV2D, *each) for each in own}
    # Without AVX-512 no depthwise convolution has its products in halves.
    shapes |= {(Nest.DEPTHWISE, *each) for each in own if WIDE or each[0] is Form.HIGH_SIGNED}
    assert shapes <= ways, shapes - ways
    return number


if __name__ == "__main__":
    print(f"{main()} cases agree")
