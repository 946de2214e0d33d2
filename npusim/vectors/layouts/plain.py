"""Steps without a layout of their own: whole inputs, registers, whole output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npusim.steps.base import Array
from npusim.vectors.layouts.base import Block, Layout, StepContext, tensor_stream
from npusim.vectors.layouts.registers import step_arrays
from npusim.vectors.stream import Role


class PlainLayout(Layout):
    """``input_<i>``, the step's registers and arrays, ``expected_outputs``; tensors in raster order."""

    def __init__(self, context: StepContext) -> None:
        step = context.step
        self._arrays = list(step_arrays(step, context.datapath))
        self.constant_streams = tuple(stream for stream, _ in self._arrays)
        self._inputs = tuple(
            tensor_stream(f"input_{index}", Role.INPUT, kind, name)
            for index, (name, kind) in enumerate(zip(step.inputs, context.inputs, strict=True))
        )
        self._output = tensor_stream("expected_outputs", Role.EXPECTED_OUTPUTS, context.output, step.output)
        self.image_streams = (*self._inputs, self._output)

    def constants(self) -> Iterator[Block]:
        for stream, values in self._arrays:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        for stream, codes in zip(self._inputs, inputs, strict=True):
            yield from stream.blocks(codes)
        yield from self._output.blocks(output)
