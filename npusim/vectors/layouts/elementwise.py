"""Steps whose every output code is made of one code of each input: what the unit reads for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npusim.steps.base import Array, TensorType, accumulator_type
from npusim.vectors.layouts.base import Block, Layout, StepContext
from npusim.vectors.layouts.registers import step_arrays
from npusim.vectors.layouts.shown import Shown
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words

_SUMS = ("rescale", "sum_orders")


class ElementwiseLayout(Layout):
    """``input_<i>``, the step's registers, ``expected_outputs``.

    Word for word, an output code stands where the codes of the inputs stand that it is made of: inputs
    that are smaller are repeated. A register's word for output word w is ``w % words``.
    """

    def __init__(self, context: StepContext) -> None:
        step = context.step
        self._shown = Shown(context)
        self.pixels = self._shown.pixels
        self._arrays = list(self._constants(context))
        self.constant_streams = tuple(stream for stream, _ in self._arrays)
        accumulators = accumulator_type((1,), context.datapath)
        self._inputs = tuple(
            # Sums come in as wide as the register, however few bits the program's tensor needs.
            self._stream(f"input_{index}", Role.INPUT, accumulators if step.kind in _SUMS else kind, name)
            for index, (name, kind) in enumerate(zip(step.inputs, context.inputs, strict=True))
        )
        self._output = self._stream("expected_outputs", Role.EXPECTED_OUTPUTS, context.output, step.output)
        self.image_streams = (*self._inputs, self._output)

    def _constants(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        """Registers and tables."""
        return step_arrays(context.step, context.datapath)

    def _stream(self, name: str, role: Role, kind: TensorType, tensor: str) -> Stream:
        return Stream(name, role, kind.bits, kind.signed, self._shown.axes, tensor=tensor)

    def constants(self) -> Iterator[Block]:
        for stream, values in self._arrays:
            yield from stream.blocks(values)

    def image(self, inputs: Sequence[Array], output: Array, taps: dict[str, Array]) -> Iterator[Block]:
        for stream, codes in zip(self._inputs, inputs, strict=True):
            yield from stream.blocks(self._shown.part(codes))
        yield from self._output.blocks(self._shown.part(output))
