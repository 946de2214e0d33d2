"""Computes one point: compile, run, compare with float, prove."""

from __future__ import annotations

import os
import platform
import time

from npusim.analysis import prove
from npusim.compiler import compile_network
from npusim.compiler.recipe import Recipe
from npusim.datapath.load import datapath_from
from npusim.errors import InputError
from npusim.evaluation.judge import Depth, Judge
from npusim.files.yaml_file import Document, validate
from npusim.network import Network
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.statistics import StepStatistics
from npusim.sweep.costs import costs
from npusim.sweep.outcome import Measures, Outcome, Status, Timing
from npusim.sweep.sources import code_digest
from npusim.sweep.tasks import PointTask
from npusim.sweep.workbench import Array, Workbench

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
        network, calibration = bench.network(task.network), bench.calibration(task)
        try:
            program = _compile(task, network, calibration)
        except InputError as error:
            # without a package that a pass needs nothing is known of the point
            status = Status.ERROR if isinstance(error.__context__, ImportError) else Status.REFUSED
            return outcome(status, str(error), {})
        compiled = time.perf_counter()
        return outcome(Status.OK, "", {**_compare(task, bench, program), **_said(program), **costs(program)})
    except Exception as error:  # noqa: BLE001 - a sweep over night outlives any one point
        return outcome(Status.ERROR, f"{type(error).__name__}: {error}", {})


def _compile(task: PointTask, network: Network, calibration: Array | None) -> Program:
    recipe = validate(Document(None, task.recipe, {}), Recipe)
    return compile_network(network, datapath_from(task.datapath), recipe, calibration)


def _said(program: Program) -> Measures:
    return {"compiled_for": program.datapath.name, "notes": "; ".join(program.notes)}


def _compare(task: PointTask, bench: Workbench, program: Program) -> Measures:
    """Run all samples; single steps are compared on the first ones."""
    judge = Judge(
        bench.network(task.network),
        program,
        label_offset=task.label_offset,
        inputs=bench.fitting(task).inputs,
        threads=1,
        cache=bench.cache,
    )
    assert judge.float_side is not None
    parts, statistics = [], []
    for start, raw, labels in bench.pieces(task, judge.float_side.samples):
        depth = Depth.STATISTICS if start < task.step_images else Depth.EVENTS
        kept, _, events = judge.look(raw, labels, depth)
        parts.append(kept)
        statistics.append(events)
    found = judge.conclude(parts, statistics)
    answers = next(iter(found.outputs.values()), None)
    worst = min(found.steps, key=lambda step: step.sqnr_db, default=None)
    return {
        "images": found.images,
        "float_top1": found.float_top1,
        "top1": found.integer_top1,
        "agreement": found.agreement,
        "output_sqnr_db": None if answers is None else round(answers, _DIGITS),
        "worst_sqnr_db": None if worst is None else round(worst.sqnr_db, _DIGITS),
        "worst_step": "" if worst is None else worst.name,
        **_accumulators(program, found.statistics),
    }


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
