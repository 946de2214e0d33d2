"""Rescales of a program, proven on every accumulator that its proof says can be reached."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from npusim.analysis.bounds import Moment
from npusim.analysis.exhaustive import check_kernel
from npusim.analysis.monotone import directions
from npusim.analysis.proof import ProofReport, StepProof
from npusim.analysis.rescale import Rescale
from npusim.analysis.thresholds import unique_rows
from npusim.datapath.model import Datapath
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.steps.mac import MacStep
from npusim.steps.rescale import RescaleStep


@dataclass(frozen=True)
class RescaleProof:
    """What was proven of the rescale of one mac step, or of one that ends passes.

    Attributes
    ----------
    columns
        Different sets of fields among its channels; each was checked on its own.
    not_monotone
        How many of them are not known by their thresholds, and were not checked.
    accumulators
        How many accumulators the kernel was run on.
    first_wrong
        (channel, accumulator) on which the kernel is wrong; None: on none.
    """

    step: str
    columns: int
    not_monotone: int
    accumulators: int
    first_wrong: tuple[int, int] | None

    def text(self) -> str:
        """In words."""
        told = f"{self.columns} sets of fields, {self.accumulators:,} accumulators"
        skipped = f", {self.not_monotone} sets not monotone and not checked" if self.not_monotone else ""
        wrong = "kernel and spec agree" if self.first_wrong is None else f"WRONG at {self.first_wrong}"
        return f"{told}: {wrong}{skipped}"

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def prove_rescales(
    program: Program, report: ProofReport, datapath: Datapath | None = None
) -> tuple[RescaleProof, ...]:
    """Check the shipped kernels against the spec's thresholds, accumulator by accumulator."""
    chosen = program.datapath if datapath is None else datapath
    makers = {step.output: step.name for step in program.ordered_steps}
    found = []
    for step in program.ordered_steps:
        if isinstance(step, (MacStep, RescaleStep)):
            maker = step.name if isinstance(step, MacStep) else makers[step.inputs[0]]
            found.append(_prove(step, report.step(maker), program, chosen))
    return tuple(found)


def _prove(
    step: MacStep | RescaleStep, proof: StepProof, program: Program, datapath: Datapath
) -> RescaleProof:
    channels = program.tensors[step.output].shape[-1]
    rescale = Rescale(step.stages(datapath), step.fields, channels)
    first, inverse = unique_rows(rescale.field_matrix())
    register = Interval.of(proof.register)
    low, high = proof.reachable.low(Moment.FINAL), proof.reachable.high(Moment.FINAL)
    skipped = accumulators = 0
    wrong = None
    for index, channel in enumerate(first):
        own = inverse == index
        domain = Interval(int(low[own].min()), int(high[own].max())).clamped(register)
        if proof.overflow_possible:
            domain = register
        if directions(rescale.columns(np.array([channel])), domain)[0] != 1:
            skipped += 1
            continue
        found = check_kernel(rescale, int(channel), domain, program.tensors[step.output].dtype)
        accumulators += found.accumulators
        if found.first_wrong is not None and wrong is None:
            wrong = (int(channel), found.first_wrong)
    return RescaleProof(step.name, len(first), skipped, accumulators, wrong)
