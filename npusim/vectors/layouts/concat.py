"""concat steps: the code that each output code comes from, and the registers that go with it (W7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from npusim.steps.base import Array
from npusim.steps.concat import ConcatStep
from npusim.steps.fields import FieldValue
from npusim.vectors.layouts.base import Block, Layout, StepContext
from npusim.vectors.layouts.shown import Shown
from npusim.vectors.stream import Axes, Role, Stream
from npusim.vectors.words import Words


class ConcatLayout(Layout):
    """``input_0``, ``copied``, ``field_<name>``, ``expected_outputs``.

    ``input_0`` holds the inputs' codes behind each other along the step's axis, as the output does.
    ``copied`` is 1 where the input's codes are not rescaled. A register's word for output word w is
    ``w % words``: one for each channel, where inputs stand behind each other in channels.
    """

    def __init__(self, context: StepContext) -> None:
        step = context.step
        assert isinstance(step, ConcatStep)
        self._step, self._shown = step, Shown(context)
        self.pixels = self._shown.pixels
        self._shapes = [kind.shape for kind in context.inputs]
        self._datapath = context.datapath
        self._registers = list(self._resolved())
        self.constant_streams = tuple(stream for stream, _ in self._registers)
        x, y, axes = context.inputs[0], context.output, self._shown.axes
        self._input = Stream("input_0", Role.INPUT, y.bits, x.signed, axes)
        self._output = Stream(
            "expected_outputs", Role.EXPECTED_OUTPUTS, y.bits, y.signed, axes, tensor=step.output
        )
        self.image_streams = (self._input, self._output)

    def _resolved(self) -> Iterator[tuple[Stream, Words]]:
        given = self._step.operand_fields
        copied = self._joined([int(fields is None) for fields in given])
        yield Stream("copied", Role.ARRAY, 1, False, self._axes(copied)), copied
        for name in dict.fromkeys(name for fields in given for name in fields or {}):
            field = self._datapath.fields[name]
            values = self._joined([0 if fields is None else fields.get(name, 0) for fields in given])
            stream = Stream(f"field_{name}", Role.FIELD, max(field.bits, 1), field.signed, self._axes(values))
            yield stream, values

    def _joined(self, values: Sequence[FieldValue]) -> Words:
        """One value for each channel of the output; for each shown code, if channels do not tell."""
        axis = self._step.axis % len(self._shapes[0])
        along_channels = axis == len(self._shapes[0]) - 1
        parts = [
            np.broadcast_to(np.asarray(value, np.int64), shape[-1:] if along_channels else shape)
            for value, shape in zip(values, self._shapes, strict=True)
        ]
        if along_channels:
            return np.concatenate(parts)
        return self._shown.part(np.concatenate(parts, axis=axis)).reshape(-1)

    def _axes(self, values: Words) -> Axes:
        channels = self._shown.channels
        return (("channel", channels),) if values.size == channels else self._shown.axes

    def constants(self) -> Iterator[Block]:
        for stream, values in self._registers:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        yield from self._input.blocks(self._shown.part(np.concatenate(inputs, axis=self._step.axis)))
        yield from self._output.blocks(self._shown.part(output))
