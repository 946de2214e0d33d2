"""accumulate steps: as mac steps, with the partial sums they go on from and without codes (A7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npusim.steps.base import Array
from npusim.vectors.layouts.base import Block, StepContext
from npusim.vectors.layouts.mac import MacLayout
from npusim.vectors.stream import Axes, Role, Stream


class AccumulateLayout(MacLayout):
    """``activations``, ``weights``, ``bias``, ``partial_sums``, expected accumulators.

    Partial sums stand as they arrive, as wide as the register: before they are shifted left by the step's
    `shift`. Output channels without weights in the pass have weights of zero.
    """

    def _further(self, context: StepContext, axes: Axes) -> Iterator[Stream]:
        self._partial: Stream | None = None
        if len(context.inputs) > 1:
            bits, tensor = context.datapath.mac.accumulator.bits, context.step.inputs[1]
            self._partial = Stream("partial_sums", Role.INPUT, bits, True, axes, tensor=tensor)
            yield self._partial

    def _further_blocks(self, inputs: Sequence[Array], output: Array) -> Iterator[Block]:
        if self._partial is not None:
            yield from self._partial.blocks(self.shown(inputs[1]))
