"""Coverage of a program, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from npusim.errors import InputError
from npusim.program import Program
from npusim.step_coverage.code_cover import cover_codes
from npusim.step_coverage.mac_cover import DEFAULT_BUDGET, MacCover
from npusim.step_coverage.mac_unit import MacUnit
from npusim.step_coverage.pools import cover_pool
from npusim.step_coverage.report import StepCover, StepReport
from npusim.steps.base import Step
from npusim.steps.mac import MacStep

Tell = Callable[[int, int], None]
"""Told how many steps of how many are done."""

COPIES = frozenset({"reshape", "transpose", "slice", "pad", "resize_nearest", "interleave", "constant"})


def cover_steps(
    program: Program,
    steps: Sequence[str] | None = None,
    *,
    budget: int = DEFAULT_BUDGET,
    seed: int = 0,
    tell: Tell = lambda done, total: None,
) -> list[StepCover]:
    """Solve for the bins of a program's steps.

    Parameters
    ----------
    steps
        Names; None: all.
    budget
        How many channels of a mac step are tried for one bin, each with many sums.
    seed
        Of the search. Same program, budget and seed: same inputs.

    Raises
    ------
    InputError
        If the program has no such step.
    """
    chosen = chosen_steps(program, steps)
    covers = []
    for index, step in enumerate(chosen):
        covers.append(cover_step(program, step, budget=budget, seed=seed))
        tell(index + 1, len(chosen))
    return covers


def cover_step(program: Program, step: Step, *, budget: int = DEFAULT_BUDGET, seed: int = 0) -> StepCover:
    """Solve for the bins of one step; a step without bins says why it has none."""
    if isinstance(step, MacStep):
        return MacCover(MacUnit(program, step), budget, seed).run()
    found = cover_codes(program, step) or cover_pool(program, step)
    return found if found is not None else StepCover(StepReport(step.name, step.kind, why_not=why_not(step)))


def why_not(step: Step) -> str:
    """Why a step has no bins."""
    if step.kind in COPIES:
        return "it copies codes"
    return f"no bins are known for {step.kind} steps"


def chosen_steps(program: Program, steps: Sequence[str] | None) -> list[Step]:
    """The named steps, in the program's order."""
    names = [step.name for step in program.ordered_steps]
    for name in steps or ():
        if name not in names:
            raise InputError("no step of this name", key="--step", found=name, allowed=", ".join(names[:12]))
    return [step for step in program.ordered_steps if steps is None or step.name in steps]
