"""minimum and maximum steps: which inputs' codes are taken as they are (W7)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npusim.steps.extreme import ExtremeStep
from npusim.vectors.layouts.base import StepContext
from npusim.vectors.layouts.elementwise import ElementwiseLayout
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words


class ExtremeLayout(ElementwiseLayout):
    """``input_<i>``, ``copied_<i>``, the step's registers, ``expected_outputs``."""

    def _constants(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        step = context.step
        assert isinstance(step, ExtremeStep)
        yield from super()._constants(context)
        for index, fields in enumerate(step.operand_fields):
            copied = Stream(f"copied_{index}", Role.ARRAY, 1, False, (("layer", 1),))
            yield copied, np.array([int(fields is None)])
