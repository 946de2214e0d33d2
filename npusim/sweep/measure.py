"""Computes one point: compile, run, compare with float, prove."""

from __future__ import annotations

import os
import platform
import time

import numpy as np

from npusim.analysis import prove
from npusim.compiler import compile_network
from npusim.compiler.recipe import Recipe
from npusim.datapath.load import datapath_from
from npusim.errors import InputError
from npusim.evaluate import SignalToNoise, program_inputs
from npusim.files.yaml_file import Document, validate
from npusim.program import Program
from npusim.simulator import Simulator, dequantize
from npusim.spec.interval import Interval
from npusim.statistics import StepStatistics, merge_statistics
from npusim.sweep.costs import costs
from npusim.sweep.outcome import Measures, Outcome, Status, Timing
from npusim.sweep.sources import code_digest
from npusim.sweep.tasks import PointTask
from npusim.sweep.workbench import Array, Batch, Workbench

_DIGITS = 4
"""Decimals of an SQNR in dB: more than any difference that means something, and the same on every machine."""


def measure(task: PointTask, bench: Workbench) -> Outcome:
    """A point's outcome; whatever goes wrong becomes one."""
    started = time.perf_counter()
    compiled = started

    def outcome(status: Status, reason: str, measures: Measures) -> Outcome:
        ended = time.perf_counter()
        timing = Timing(compiled - started, ended - compiled, platform.node(), os.getpid())
        return Outcome(task.digest, status, reason, measures, timing)

    if task.code != code_digest():
        return outcome(Status.ERROR, "another version of npusim is installed where it was to be computed", {})
    try:
        try:
            program = _compile(task, bench)
        except InputError as error:
            return outcome(Status.REFUSED, str(error), {})
        compiled = time.perf_counter()
        return outcome(Status.OK, "", {**_compare(task, bench, program), **_said(program), **costs(program)})
    except Exception as error:  # noqa: BLE001 - a sweep over night outlives any one point
        return outcome(Status.ERROR, f"{type(error).__name__}: {error}", {})


def _compile(task: PointTask, bench: Workbench) -> Program:
    recipe = validate(Document(None, task.recipe, {}), Recipe)
    return compile_network(
        bench.network(task.network), datapath_from(task.datapath), recipe, bench.calibration(task)
    )


def _said(program: Program) -> Measures:
    return {"compiled_for": program.datapath.name, "notes": "; ".join(program.notes)}


def _compare(task: PointTask, bench: Workbench, program: Program) -> Measures:
    """Run all images; taps only where single steps are compared."""
    network, simulator = bench.network(task.network), Simulator(program)
    steps = _Steps(program, bench.tensors(task))
    tally, first = _Tally(), program.output_names[0]
    statistics = []
    for batch in bench.batches(task):
        inputs = program_inputs(network, program, batch.raw)
        taps = steps.taps if batch.start < task.step_images else ()
        result = simulator.run(inputs, taps=taps, statistics=True, threads=1)
        if taps:
            steps.add(batch.start, task.step_images, result.taps)
        tally.add(batch, dequantize(program, first, result.outputs[first]), task.label_offset)
        statistics.append(result.statistics or {})
    return {**tally.measures(), **steps.measures(), **_accumulators(program, merge_statistics(statistics))}


class _Tally:
    """First choices and the SQNR of answers."""

    def __init__(self) -> None:
        self._images = self._labelled = 0
        self._right = [0, 0]
        self._agreeing = 0
        self._ranked = True
        self._ratio = SignalToNoise()

    def add(self, batch: Batch, integer: Array, label_offset: int) -> None:
        """See a batch's dequantized answers."""
        real = batch.answers
        self._images += len(real)
        self._ratio.add(real, integer)
        if real.ndim != 2 or real.shape[1] < 2:
            self._ranked = False
            return
        choices = [real.argmax(axis=1), integer.argmax(axis=1)]
        self._agreeing += int(np.count_nonzero(choices[0] == choices[1]))
        if batch.labels is not None:
            self._labelled += len(real)
            for side, choice in enumerate(choices):
                self._right[side] += int(np.count_nonzero(choice == batch.labels + label_offset))

    def measures(self) -> Measures:
        """Shares of images, and dB."""
        labelled = self._ranked and self._labelled
        return {
            "images": self._images,
            "float_top1": self._right[0] / self._labelled if labelled else None,
            "top1": self._right[1] / self._labelled if labelled else None,
            "agreement": self._agreeing / self._images if self._ranked else None,
            "output_sqnr_db": round(self._ratio.decibels, _DIGITS),
        }


class _Steps:
    """SQNR of single steps' outputs, everything before them integer too."""

    def __init__(self, program: Program, real: dict[str, Array]) -> None:
        self._program, self._real = program, real
        self._made_by = {step.output: step.name for step in program.steps if step.output in real}
        self._ratios = {tensor: SignalToNoise() for tensor in self._made_by}

    @property
    def taps(self) -> list[str]:
        """What to record."""
        return [f"{step}:output" for step in self._made_by.values()]

    def add(self, start: int, limit: int, taps: dict[str, dict[str, Array]]) -> None:
        """See a batch that begins at image `start`, up to image `limit`."""
        for tensor, step in self._made_by.items():
            codes = taps[step]["output"][: limit - start]
            real = self._real[tensor][start : start + len(codes)]
            self._ratios[tensor].add(real, dequantize(self._program, tensor, codes))

    def measures(self) -> Measures:
        """The worst one."""
        found = [(round(ratio.decibels, _DIGITS), self._made_by[t]) for t, ratio in self._ratios.items()]
        worst, step = min(found, default=(None, ""))
        return {"worst_sqnr_db": worst, "worst_step": step}


def _accumulators(program: Program, statistics: dict[str, StepStatistics]) -> Measures:
    found = list(statistics.values())
    seen = [Interval(r.lowest, r.highest).bits for s in found if (r := s.accumulator) is not None]
    overflows = [step.overflows for step in found]
    return {
        "proven_bits": _proven_bits(program),
        "seen_bits": max(seen, default=None),
        "overflows": sum(overflows),
        "overflowing_steps": sum(map(bool, overflows)),
    }


def _proven_bits(program: Program) -> int | None:
    """The accumulator width that no input can overflow; None if nothing is proven."""
    try:
        return max((step.reachable_bits for step in prove(program).steps), default=None)
    except InputError:
        return None
