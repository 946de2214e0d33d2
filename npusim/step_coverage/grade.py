"""What inputs from anywhere cover of a program's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import Program
from npusim.simulator import Simulator
from npusim.step_coverage.cover import Tell, chosen_steps
from npusim.step_coverage.mac_grade import MacGrade
from npusim.step_coverage.mac_unit import MacUnit
from npusim.step_coverage.report import StepReport
from npusim.steps.mac import MacStep

_IMAGES = 16
"""Looked at together."""


def grade_steps(
    program: Program,
    inputs: Mapping[str, npt.NDArray[Any]],
    steps: Sequence[str] | None = None,
    *,
    tell: Tell = lambda done, total: None,
) -> list[StepReport]:
    """What a batch of input codes covers of a program's mac steps; other steps are not graded.

    Parameters
    ----------
    inputs
        Codes by input, (images, *shape).
    steps
        Names; None: all.

    Raises
    ------
    InputError
        If the program has no such step.
    """
    chosen = chosen_steps(program, steps)
    grades = {step.name: MacGrade(MacUnit(program, step)) for step in chosen if isinstance(step, MacStep)}
    makers = {step.output: step.name for step in program.ordered_steps}
    simulator = Simulator(program)
    images = len(next(iter(inputs.values())))
    macs = [step for step in chosen if isinstance(step, MacStep)]
    taps = {f"{makers[step.inputs[0]]}:output" for step in macs if step.inputs[0] in makers}
    taps |= {f"{step.name}:accumulator" for step in macs}
    for start in range(0, images, _IMAGES):
        some = {name: batch[start : start + _IMAGES] for name, batch in inputs.items()}
        found = simulator.run(some, taps=sorted(taps)).taps
        for step in macs:
            x, unit = step.inputs[0], grades[step.name].unit
            codes = found[makers[x]]["output"] if x in makers else some[x]
            sums = found[step.name]["accumulator"].astype(np.int64)
            shaped = codes.reshape(len(codes), *unit.columns.size)
            grades[step.name].look(start, shaped, sums.reshape(len(codes), -1, unit.columns.outputs))
        tell(min(start + _IMAGES, images), images)
    return [
        StepReport(step.name, step.operation.value, images, grades[step.name].outcomes())
        if isinstance(step, MacStep)
        else StepReport(step.name, step.kind, why_not="only mac steps are graded")
        for step in chosen
    ]
