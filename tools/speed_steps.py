"""The table of a program's steps: time, rate, and how far that is from what the machine can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim
from npusim.kernels.emit.rescale import Form
from npusim.kernels.tiled.conv import TiledConvolution
from npusim.prepared import prepared
from npusim.steps.base import Executor, Step
from npusim.steps.executors.workspace import size_of
from npusim.steps.mac import MacOperation, MacStep
from tools.peak import Peaks
from tools.speed_field import Contender
from tools.timing import best, table

HEAD = ["step", "kind", "million MACs", "us", "GMAC/s", "of the peak", "of both peaks"]


@dataclass(frozen=True)
class _Measured:
    """A step with its time; `least`: what it takes at both peaks."""

    step: Step
    macs: int
    seconds: float
    least: float | None

    @property
    def is_pointwise(self) -> bool:
        """Whether it is a convolution of single pixels, more than one."""
        step = self.step
        return isinstance(step, MacStep) and step.operation is MacOperation.CONV2D and step.kernel == (1, 1)


def layers(
    program: npusim.Program, repetitions: int, peaks: Peaks, others: Sequence[Contender] = ()
) -> tuple[list[str], list[dict[str, Any]]]:
    """Each step, all pointwise steps together; and the points of a plot.

    `others` with times of their own layers get a column, if they have as many multiply-accumulate layers.
    """
    found = _measure(program, repetitions, peaks)
    macs = [each for each in found if isinstance(each.step, MacStep)]
    columns = {each.name: iter(each.layers) for each in others if len(each.layers) == len(macs)}
    rows, points = [], []
    for each in found:
        row = _row(each.step.name, each.step.kind, each.macs, each.seconds, each.least, peaks)
        if isinstance(each.step, MacStep):
            row += [f"{1e6 * next(times):.0f}" for times in columns.values()]
            tensors = (*each.step.inputs, each.step.output)
            moved = sum(size_of(program.tensors[name]) for name in tensors) + each.step.weights.size
            rate = each.macs / each.seconds / 1e9
            kind = each.step.operation.value
            points.append({"kind": kind, "intensity": each.macs / moved, "rate": rate})
        else:
            row += [""] * len(columns)
        rows.append(row)
    rows.append(_together(found, peaks) + [""] * len(columns))
    return table([*HEAD, *(f"{name}, us" for name in columns)], rows), points


def _measure(program: npusim.Program, repetitions: int, peaks: Peaks) -> list[_Measured]:
    made = prepared(program, program.datapath)
    schedule, found = made.schedule, []
    space = schedule.workspace()
    for index, (step, executor) in enumerate(made.steps):
        output = program.tensors[step.output]
        macs = step.macs(program.input_types(step), output)
        seconds = best(lambda index=index: schedule.compute(index, space), repetitions)  # type: ignore[misc]
        form = _form(executor)
        least = None if form is None else peaks.least_seconds(macs, int(np.prod(output.shape)), form)
        found.append(_Measured(step, macs, seconds, least))
    return found


def _form(executor: Executor) -> Form | None:
    """How a step's sums become codes, if tiles of dot products make them."""
    direct = executor.direct()
    return direct.form if isinstance(direct, TiledConvolution) else None


def _row(name: str, kind: str, macs: int, seconds: float, least: float | None, peaks: Peaks) -> list[str]:
    rate = macs / seconds / 1e9
    share = f"{rate / peaks.vnni:.0%}" if macs and peaks.vnni else ""
    both = "" if least is None else f"{least / seconds:.0%}"
    return [name, kind, f"{macs / 1e6:.2f}", f"{1e6 * seconds:.0f}", f"{rate:.0f}", share, both]


def _together(found: list[_Measured], peaks: Peaks) -> list[str]:
    """All pointwise steps as one."""
    own = [each for each in found if each.is_pointwise]
    known = [each.least for each in own if each.least is not None]
    least = sum(known) if known and len(known) == len(own) else None
    macs, seconds = sum(each.macs for each in own), sum(each.seconds for each in own)
    return _row("**all pointwise steps**", "mac", macs, max(seconds, 1e-12), least, peaks)
