"""`diff`: the first divergence between two tap sets, and the changes of single rules that explain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.case import Context
from npusim.analysis.causes import case_of
from npusim.analysis.change import AnyChange
from npusim.analysis.taps import TapSet
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.program import Program


@dataclass(frozen=True)
class Divergence:
    """The first value that differs, in execution order.

    Attributes
    ----------
    row, column
        None for vectors.
    accumulator
        The accumulator that the value was made from, as the first set has it; None: not recorded.
    differing, values
        How many values of this tap differ, and how many there are.
    """

    step: str
    point: str
    image: int
    row: int | None
    column: int | None
    channel: int
    accumulator: int | None
    expected: int
    found: int
    differing: int
    values: int


@dataclass(frozen=True)
class DiffReport:
    """The answer.

    Attributes
    ----------
    compared
        How many taps both sets have.
    missing
        Taps of the first set that the second lacks.
    diverging
        Every step with a difference, in execution order.
    explanations
        Smallest sets of changes, each of which alone explains every difference of the first
        diverging step.
    note
        Why there are none; what was not looked at.
    """

    first: Divergence | None
    compared: int
    missing: tuple[str, ...]
    diverging: tuple[str, ...]
    explanations: tuple[tuple[AnyChange, ...], ...] = ()
    note: str | None = None

    @property
    def equal(self) -> bool:
        """Whether nothing compared differs."""
        return self.first is None


def diff(
    expected: TapSet,
    found: TapSet,
    *,
    program: Program | None = None,
    datapath: Datapath | None = None,
    inputs: Mapping[str, npt.NDArray[Any]] | None = None,
) -> DiffReport:
    """Compare two tap sets; find out what explains the first step that differs.

    Parameters
    ----------
    program
        What was run: it gives the order of steps and lets causes be found; None: the set's own.
    datapath
        What it was run on; None: the program's own.
    inputs
        The input codes it was run on; None: the set's own, if it has them.

    Raises
    ------
    InputError
        If the sets have no tap in common, or one of them in different shapes.
    """
    program = expected.program if program is None else program
    common = [key for key in _ordered(expected, program) if key in found.taps]
    if not common:
        raise InputError("the two sets have no tap in common", file=found.path)
    missing = tuple(":".join(key) for key in expected.taps if key not in found.taps)
    wrong = [key for key in common if _differs(key, expected, found)]
    if not wrong:
        return DiffReport(None, len(common), missing, ())
    first = _locate(wrong[0], expected, found)
    steps = tuple(dict.fromkeys(step for step, _ in wrong))
    report = DiffReport(first, len(common), missing, steps)
    if program is None:
        return _noted(report, "give the program to learn which rule explains the differences")
    context = Context(
        program,
        program.datapath if datapath is None else datapath,
        expected.inputs if inputs is None else inputs,
    )
    return _explained(report, first.step, expected, found, context)


def _noted(report: DiffReport, note: str) -> DiffReport:
    return DiffReport(report.first, report.compared, report.missing, report.diverging, (), note)


def _ordered(taps: TapSet, program: Program | None) -> list[tuple[str, str]]:
    """Taps in execution order; without a program as they were recorded."""
    steps = list(dict.fromkeys(step for step, _ in taps.taps))
    if program is not None:
        known = {step.name: index for index, step in enumerate(program.ordered_steps)}
        unknown = [step for step in steps if step not in known]
        if unknown:
            raise InputError("the program has no such step", file=taps.path, found=unknown[0])
        steps.sort(key=known.__getitem__)
    return sorted(taps.taps, key=lambda key: (steps.index(key[0]), _point_order(key[1])))


def _point_order(point: str) -> tuple[int, int, str]:
    number = point.split(".", 1)[0]
    stages = (1, int(number), "") if number.isdigit() else (0, 0, point)
    return (2, 0, "") if point == "output" else stages


def _differs(key: tuple[str, str], expected: TapSet, found: TapSet) -> bool:
    ours, theirs = expected.taps[key].values, found.taps[key].values
    if ours.shape != theirs.shape:
        raise InputError(
            "the tap has another shape",
            file=found.path,
            key=":".join(key),
            found=theirs.shape,
            allowed=f"{ours.shape}",
        )
    return not np.array_equal(ours, theirs)


def _locate(key: tuple[str, str], expected: TapSet, found: TapSet) -> Divergence:
    ours, theirs = expected.taps[key], found.taps[key]
    wrong = np.flatnonzero(ours.values.reshape(-1) != theirs.values.reshape(-1))
    flat = int(wrong[0])
    image, row, column, channel = ours.place(flat)
    known = expected.taps.get((key[0], "accumulator"))
    return Divergence(
        *key,
        image,
        row,
        column,
        channel,
        None if known is None else int(known.values.reshape(-1)[flat]),
        int(ours.values.reshape(-1)[flat]),
        int(theirs.values.reshape(-1)[flat]),
        wrong.size,
        ours.values.size,
    )


def _explained(
    report: DiffReport, name: str, expected: TapSet, found: TapSet, context: Context
) -> DiffReport:
    step = next(step for step in context.program.steps if step.name == name)
    case = case_of(step, expected, found, context)
    if case is None:
        return _noted(
            report, f"{name} is a {step.kind} step: it runs through no pipeline whose rules could differ"
        )
    sets = list(case.explanations())
    note = None if sets else case.note()
    return DiffReport(report.first, report.compared, report.missing, report.diverging, tuple(sets), note)
