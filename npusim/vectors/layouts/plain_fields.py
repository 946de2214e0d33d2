"""Steps whose registers are numbers of the step's own, not fields of the datapath: clamp, digit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npusim.steps.clamp import ClampStep
from npusim.steps.digit import DigitStep
from npusim.vectors.layouts.base import StepContext
from npusim.vectors.layouts.elementwise import ElementwiseLayout
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import Words

_LAYER = (("layer", 1),)


class ClampLayout(ElementwiseLayout):
    """``input_0``, ``low``, ``high``, ``expected_outputs``."""

    def _constants(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        step, x = context.step, context.inputs[0]
        assert isinstance(step, ClampStep)
        for name, value in (("low", step.low), ("high", step.high)):
            yield Stream(name, Role.ARRAY, x.bits, x.signed, _LAYER), np.array([value])


class DigitLayout(ElementwiseLayout):
    """``input_0``, ``lowest_bit``, ``expected_outputs``."""

    def _constants(self, context: StepContext) -> Iterator[tuple[Stream, Words]]:
        step = context.step
        assert isinstance(step, DigitStep)
        yield Stream("lowest_bit", Role.ARRAY, 4, False, _LAYER), np.array([step.shift])
