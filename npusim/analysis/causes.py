"""What explains a diverging step: changes of single rules, tried on what was recorded."""

from __future__ import annotations

from npusim.analysis.case import Case, Context
from npusim.analysis.combined_case import CombinedCase
from npusim.analysis.combined_steps import combined
from npusim.analysis.mac_case import MacCase
from npusim.analysis.taps import TapSet
from npusim.steps.base import Step
from npusim.steps.mac import MacStep


def case_of(step: Step, expected: TapSet, found: TapSet, context: Context) -> Case | None:
    """How a diverging step is looked at; None if it has no rule that could be changed."""
    if isinstance(step, MacStep):
        return MacCase(step, expected, found, context)
    made = combined(step, context.program, context.datapath)
    return None if made is None else CombinedCase(step, made, expected, found, context)
