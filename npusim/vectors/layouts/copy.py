"""Steps that copy codes: the input, and the walk over it that makes the output (W7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from npusim.steps.base import Array
from npusim.vectors.layouts.base import Block, Layout, StepContext, tensor_stream
from npusim.vectors.stream import Role, Stream
from npusim.vectors.walk import WALK_AXES, Walk


class CopyLayout(Layout):
    """``input_0``, ``walk_<sizes, firsts, steps, strides, lengths>``, ``pad``, ``expected_outputs``.

    Tensors are whole, in raster order. The walk is what :mod:`npusim.vectors.walk` says.
    """

    def __init__(self, context: StepContext, walk: Walk) -> None:
        step = context.step
        (x,) = context.inputs
        axes = (("axis", WALK_AXES),)
        self._walk = [
            (Stream(f"walk_{name}", Role.ARRAY, 32, signed, axes), np.array(values, np.int64))
            for name, signed, values in walk.registers()
        ]
        pad = Stream("pad", Role.ARRAY, x.bits, x.signed, (("layer", 1),))
        self._walk.append((pad, np.array([walk.pad], np.int64)))
        self.constant_streams = tuple(stream for stream, _ in self._walk)
        self._input = tensor_stream("input_0", Role.INPUT, x, step.inputs[0])
        self._output = tensor_stream("expected_outputs", Role.EXPECTED_OUTPUTS, context.output, step.output)
        self.image_streams = (self._input, self._output)

    def constants(self) -> Iterator[Block]:
        for stream, values in self._walk:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        yield from self._input.blocks(inputs[0])
        yield from self._output.blocks(output)
