"""max_pool and average_pool steps: every window's codes, position by position (W6)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from npusim.geometry import image_shape
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Array
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pool_windows import window_counts
from npusim.vectors.layouts.base import Block, Layout, StepContext
from npusim.vectors.layouts.registers import register
from npusim.vectors.layouts.shown import Shown
from npusim.vectors.stream import BLOCK_VALUES, Role, Stream
from npusim.vectors.words import Words

_PER_COUNT = ("multiplier", "shift", "count")


class PoolLayout(Layout):
    """``windows``, ``in_image``, ``expected_outputs``.

    Positions run over kernel rows, then columns. Where ``in_image`` is 0, a position lies in the padding;
    its code is one that changes no result: the least code, or the zero point.
    """

    def __init__(self, context: StepContext) -> None:
        step = context.step
        assert isinstance(step, (MaxPoolStep, AveragePoolStep))
        self._step, self._shown = step, Shown(context)
        self.pixels = self._shown.pixels
        (x,) = context.inputs
        self._x_shape, self._pad = image_shape(x.shape), self._padding_code(context)
        positions = (("position", step.kernel[0] * step.kernel[1]),)
        self._inside = Stream("in_image", Role.ARRAY, 1, False, (*self._shown.places, *positions))
        axes = (*self._shown.places, ("channel", self._shown.channels), *positions)
        self._windows = Stream("windows", Role.INPUT, x.bits, x.signed, axes, tensor=step.inputs[0])
        y = context.output
        self._output = Stream(
            "expected_outputs", Role.EXPECTED_OUTPUTS, y.bits, y.signed, self._shown.axes, tensor=step.output
        )
        self._registers = list(self._fields(context))
        self.constant_streams = (self._inside, *(stream for stream, _ in self._registers))
        self.image_streams = (self._windows, *self._further(context), self._output)

    @abstractmethod
    def _padding_code(self, context: StepContext) -> int:
        """The code that changes no result."""

    def _fields(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        return iter(())

    def _further(self, context: StepContext) -> Iterator[Stream]:
        return iter(())

    def _further_blocks(self, taps: dict[str, Array]) -> Iterator[Block]:
        return iter(())

    def constants(self) -> Iterator[Block]:
        inside = np.pad(np.ones(self._x_shape[:2], np.int64), self._step.padding)
        yield from self._inside.blocks(self._in_windows(inside[:, :, np.newaxis], self._shown.chosen))
        for stream, values in self._registers:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        x = inputs[0].reshape(self._x_shape)
        padded = np.pad(x, (*self._step.padding, (0, 0)), constant_values=self._pad)
        size = max(1, BLOCK_VALUES // (self._windows.words // len(self._shown.chosen)))
        for start in range(0, len(self._shown.chosen), size):
            yield from self._windows.blocks(
                self._in_windows(padded, self._shown.chosen[start : start + size])
            )
        yield from self._further_blocks(taps)
        yield from self._output.blocks(self._shown.part(output))

    def _in_windows(self, padded: Array, chosen: Words) -> Array:
        """The windows of some pixels of the output: (pixels, channels, positions)."""
        step, channels = self._step, padded.shape[2]
        columns = (padded.shape[1] - step.kernel[1]) // step.stride[1] + 1
        y, x = np.divmod(chosen, columns)
        rows = y[:, None] * step.stride[0] + np.arange(step.kernel[0])
        places = x[:, None] * step.stride[1] + np.arange(step.kernel[1])
        found = padded[rows[:, :, None], places[:, None, :]]
        made: Array = found.reshape(len(chosen), -1, channels).transpose(0, 2, 1)
        return made


class MaxPoolLayout(PoolLayout):
    """``windows``, ``in_image``, ``expected_outputs``."""

    def _padding_code(self, context: StepContext) -> int:
        return context.inputs[0].codes.interval.low


class AveragePoolLayout(PoolLayout):
    """``windows``, ``in_image``, ``x_zero``, ``field_<name>``, expected accumulators and outputs.

    A register's word for output word w is ``w % words``.
    """

    taps = frozenset({"accumulator"})

    def _padding_code(self, context: StepContext) -> int:
        assert isinstance(context.step, AveragePoolStep)
        return context.step.x_zero

    def _fields(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        step, (x,) = context.step, context.inputs
        assert isinstance(step, AveragePoolStep)
        yield Stream("x_zero", Role.FIELD, x.bits, x.signed, (("layer", 1),)), np.array([step.x_zero])
        rows, columns, channels = self._x_shape
        counts = window_counts((rows, columns), step.kernel, step.stride, step.padding, step.count_padding)
        which = np.searchsorted(step.counts, counts.reshape(-1)[self._shown.chosen])
        for name in step.fields_of(0):
            values = [step.fields_of(index)[name] for index in range(len(step.counts))]
            if name in _PER_COUNT and len(values) > 1:
                yield self._per_pixel(name, np.array(values, np.int64)[which], context)
            else:
                yield register(f"field_{name}", name, values[0], context.datapath, channels)

    def _per_pixel(self, name: str, values: Words, context: StepContext) -> tuple[Stream, Words]:
        """A register that depends on the window's size: a word for each shown code."""
        axes = (*self._shown.places, ("channel", self._shown.channels))
        field, codes = context.datapath.fields[name], np.prod([size for _, size in axes])
        spread = np.repeat(values.reshape(len(self._shown.chosen), -1), codes // values.size, axis=1)
        return Stream(f"field_{name}", Role.FIELD, field.bits, field.signed, axes), spread.reshape(-1)

    def _further(self, context: StepContext) -> Iterator[Stream]:
        bits = context.datapath.mac.accumulator.bits
        self._sums = Stream("expected_accumulators", Role.EXPECTED_ACCUMULATORS, bits, True, self._shown.axes)
        yield self._sums

    def _further_blocks(self, taps: dict[str, Array]) -> Iterator[Block]:
        yield from self._sums.blocks(self._shown.part(taps["accumulator"]))
