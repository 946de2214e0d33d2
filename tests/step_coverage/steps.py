"""Small programs of one step whose coverage is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from npusim.program import Program
from npusim.step_coverage.mac_unit import MacUnit
from npusim.steps.mac import MacOperation, MacStep
from tests.coverage.toys import toy
from tests.vectors.programs import one_mac


def toy_program(
    weights: Sequence[Sequence[int]],
    biases: Sequence[int],
    changes: Mapping[str, object] | None = None,
    shifts: Sequence[int] = (1,),
) -> Program:
    """A dense step on 3-bit codes: a beat a weight, a channel a row."""
    fields = {"multiplier": 3, "inverse_shift": 0, "x_zero": 0, "y_zero": 1, "low": -3, "high": 3}
    step = MacStep(
        name="fc",
        inputs=("x",),
        output="y",
        operation=MacOperation.DENSE,
        weights=np.array(weights, np.int8),
        bias=np.array(biases),
        fields={**fields, "shift": np.array(shifts)} if len(shifts) > 1 else {**fields, "shift": shifts[0]},
    )
    datapath = toy(**{"fields.shift.per": "channel", **(changes or {})})
    return one_mac(step, datapath, (len(weights[0]),))


def unit_of(program: Program, name: str | None = None) -> MacUnit:
    """A mac step as a unit; the first one."""
    steps = [step for step in program.ordered_steps if isinstance(step, MacStep)]
    return MacUnit(program, next(step for step in steps if name in (None, step.name)))
