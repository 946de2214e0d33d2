"""recode steps: a table from codes to codes, as wide as the codes it makes (A8)."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.steps.recode import RecodeStep
from npusim.vectors.layouts.base import StepContext
from npusim.vectors.layouts.elementwise import ElementwiseLayout
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words


class RecodeLayout(ElementwiseLayout):
    """``input_0``, ``table``, ``expected_outputs``; a table for all channels, or one for each."""

    def _constants(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        step = context.step
        assert isinstance(step, RecodeStep)
        tables, codes = step.table.shape
        axes = (("table", tables), ("entry", codes))
        yield Stream("table", Role.ARRAY, step.bits, step.signed, axes), step.table
