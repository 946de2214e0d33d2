"""resize_bilinear steps: the four codes that each output code is blended of, and their weights (W7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from npusim.datapath.operations import RESIZE_WEIGHT
from npusim.steps.base import Array
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.vectors.layouts.base import Block, Layout, StepContext
from npusim.vectors.layouts.registers import register
from npusim.vectors.layouts.shown import Shown
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words

_CORNERS = 4


class ResizeBilinearLayout(Layout):
    """``corners``, ``row_weights``, ``column_weights``, ``field_<name>``, ``expected_outputs``.

    A word of corners is upper left (lane 0), upper right, lower left, lower right. Weights are the
    second row's and the second column's, one for each pixel.
    """

    def __init__(self, context: StepContext) -> None:
        step = context.step
        assert isinstance(step, ResizeBilinearStep)
        self._shown = Shown(context)
        self.pixels = self._shown.pixels
        (x,), y, datapath = context.inputs, context.output, context.datapath
        self._rows, self._columns = np.divmod(self._shown.chosen, step.columns.size)
        self._step, self._size = step, x.shape
        weights = [step.row_weights[self._rows], step.column_weights[self._columns]]
        self._constants: list[tuple[Stream, Words]] = [
            (
                Stream(name, Role.ARRAY, datapath.fields[RESIZE_WEIGHT].bits, False, self._shown.places),
                values,
            )
            for name, values in zip(("row_weights", "column_weights"), weights, strict=True)
        ]
        self._constants += [
            register(f"field_{name}", name, value, datapath, self._shown.channels)
            for name, value in step.fields.items()
        ]
        self.constant_streams = tuple(stream for stream, _ in self._constants)
        axes, tensor = self._shown.axes, step.inputs[0]
        self._corners = Stream("corners", Role.INPUT, x.bits, x.signed, axes, lanes=_CORNERS, tensor=tensor)
        self._output = Stream(
            "expected_outputs", Role.EXPECTED_OUTPUTS, y.bits, y.signed, axes, tensor=step.output
        )
        self.image_streams = (self._corners, self._output)

    def constants(self) -> Iterator[Block]:
        for stream, values in self._constants:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        step, (height, width, _) = self._step, self._size
        y, x = step.rows[self._rows], step.columns[self._columns]
        below, right = np.minimum(y + 1, height - 1), np.minimum(x + 1, width - 1)
        codes = [inputs[0][row, column] for row in (y, below) for column in (x, right)]
        yield from self._corners.blocks(np.stack(codes, axis=-1))
        yield from self._output.blocks(self._shown.part(output))
