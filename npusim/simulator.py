"""Runs a program on its datapath: outputs, taps, statistics. Same bits for any batch and thread count."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.crew import Crew, Progress
from npusim.datapath import Datapath
from npusim.errors import InputError
from npusim.files.explain import closest
from npusim.input_codes import images, to_codes
from npusim.kernels.records import totals
from npusim.prepared import prepared
from npusim.program import Program, check_program
from npusim.result import Result, dequantize
from npusim.statistics import StepStatistics, describe, summarise
from npusim.steps.base import Array, Step
from npusim.steps.executors.schedule import Helpers, Seen
from npusim.steps.probe import Probe, StatisticsMode

Inputs = npt.ArrayLike | Mapping[str, npt.ArrayLike]

__all__ = ["Inputs", "Progress", "Result", "Simulator", "dequantize", "simulate"]


class Simulator:
    """A program prepared to run: weights packed, pipelines compiled, paths decided. Reusable.

    Preparing is done once for a program on its own datapath, whatever the number of simulators.

    Parameters
    ----------
    datapath
        Another datapath to run the program on; None: the program's own.
    """

    def __init__(self, program: Program, datapath: Datapath | None = None) -> None:
        self.program = program
        self.datapath = program.datapath if datapath is None else datapath
        if datapath is not None:
            check_program(program, datapath)
        found = prepared(program, self.datapath)
        self._prepared, self._executors, self._last_use = found, found.steps, found.last_use

    def run(
        self,
        inputs: Inputs,
        *,
        taps: Iterable[str] = (),
        statistics: bool | str = False,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """Run a batch; parameters as for :func:`simulate`."""
        mode = _mode(statistics)
        wanted = self._wanted(taps)
        codes = to_codes(self.program, inputs)
        crew = Crew(_threads(threads), self._prepared.pools)
        if wanted or mode is StatisticsMode.PREFIX:
            return self._recorded(codes, mode, wanted, crew, progress)
        return self._direct(codes, mode is StatisticsMode.EVENTS, crew, progress)

    @cached_property
    def _described(self) -> list[dict[str, Any]]:
        mode = StatisticsMode.EVENTS
        return [describe(step, executor, self.program, mode) for step, executor in self._executors]

    def _direct(
        self, codes: dict[str, Array], counting: bool, crew: Crew, progress: Progress | None
    ) -> Result:
        """No tensor is recorded: images are spread over threads, or else the parts of each image's steps."""
        count, schedule, spaces = images(codes), self._prepared.schedule, self._prepared.spaces
        kinds = {name: self.program.tensors[name] for name in self.program.output_names}
        outputs = {name: np.empty((count, *kind.shape), kind.dtype) for name, kind in kinds.items()}
        seen = Seen(count, len(self._executors)) if counting else None

        def one(image: int, helpers: Helpers | None = None) -> None:
            try:
                space = spaces.pop()
            except IndexError:
                space = schedule.workspace()
            inputs = {name: batch[image] for name, batch in codes.items()}
            made = {name: out[image] for name, out in outputs.items()}
            if seen is None:
                schedule.run(inputs, made, space, helpers)
            else:
                schedule.count(inputs, made, space, seen, image, helpers)
            spaces.append(space)

        if crew.threads > 1 and count < crew.threads:
            helpers = crew.helpers()
            for image in range(count):
                one(image, helpers)
                if progress is not None:
                    progress(image + 1, count)
        else:
            crew.each(one, count, progress)
        found = None if seen is None else partial(self._statistics, seen)
        return Result(outputs, {}, found, self.program)

    def _recorded(
        self,
        codes: dict[str, Array],
        mode: StatisticsMode,
        wanted: dict[str, frozenset[str]],
        crew: Crew,
        progress: Progress | None,
    ) -> Result:
        """Every step by its general kernels, with taps and all statistics."""
        count = images(codes)
        collected: list[Any] = [None] * count

        def one(image: int) -> None:
            tensors = {name: batch[image] for name, batch in codes.items()}
            collected[image] = self._image(tensors, image, mode, wanted)

        crew.each(one, count, progress)
        return self._result(collected, wanted, mode)

    def _image(
        self,
        tensors: dict[str, Array],
        image: int,
        mode: StatisticsMode,
        wanted: dict[str, frozenset[str]],
    ) -> tuple[dict[str, Array], dict[str, Probe]]:
        probes = {}
        for index, (step, executor) in enumerate(self._executors):
            probe = Probe(image, mode, wanted.get(step.name, frozenset()))
            inputs = [tensors[name] for name in step.inputs]
            tensors[step.output] = executor.run(inputs, probe)
            if mode is not StatisticsMode.OFF or probe.wanted:
                probes[step.name] = probe
            for name in self._last_use[index]:
                del tensors[name]
        return {name: tensors[name] for name in self.program.output_names}, probes

    def tapped_values(self, taps: Iterable[str]) -> int:
        """How many values the taps record of one image, about: every point has its step's output's shape."""
        kinds = {step.name: self.program.tensors[step.output].shape for step, _ in self._executors}
        return sum(len(points) * prod(kinds[step]) for step, points in self._wanted(taps).items())

    def _wanted(self, taps: Iterable[str]) -> dict[str, frozenset[str]]:
        wanted: dict[str, frozenset[str]] = {}
        for tap in [taps] if isinstance(taps, str) else taps:
            step, points = self._tap_points(tap)
            wanted[step.name] = wanted.get(step.name, frozenset()) | points
        return wanted

    def _tap_points(self, tap: str) -> tuple[Step, frozenset[str]]:
        """``STEP`` records accumulator and output, ``STEP:POINT`` one point, ``STEP:*`` all."""
        steps = {step.name: step for step, _ in self._executors}
        name, _, point = (tap, "", "") if tap in steps else tap.rpartition(":")  # names may hold colons
        step = steps.get(name or point)
        if step is None:
            names = ", ".join(list(steps)[:12])
            problem = "no step of this name to tap" + closest(name or point, list(steps))
            raise InputError(problem, found=name or point, allowed=names)
        points = step.taps(self.datapath)
        if point == "*":
            return step, frozenset(points)
        if not point:
            return step, frozenset(points) & {"accumulator", "output"}
        if point not in points:
            problem = f"the step {name} has no such tap" + closest(point, list(points))
            raise InputError(problem, found=point, allowed=", ".join(points))
        return step, frozenset({point})

    def _result(
        self,
        collected: Sequence[tuple[dict[str, Array], dict[str, Probe]]],
        wanted: dict[str, frozenset[str]],
        mode: StatisticsMode,
    ) -> Result:
        outputs = {
            name: np.stack([answer[name] for answer, _ in collected]) for name in self.program.output_names
        }
        taps = {
            step: {
                point: np.stack([probes[step].taps[point] for _, probes in collected])
                for point in sorted(points)
            }
            for step, points in wanted.items()
        }
        if mode is StatisticsMode.OFF:
            return Result(outputs, taps, None, self.program)
        probes = [found for _, found in collected]
        return Result(outputs, taps, partial(self._summaries, probes, mode), self.program)

    def _summaries(
        self, probes: Sequence[dict[str, Probe]], mode: StatisticsMode
    ) -> dict[str, StepStatistics]:
        """By step, from every image's probes."""
        return {
            step.name: summarise(step, executor, self.program, [found[step.name] for found in probes], mode)
            for step, executor in self._executors
        }

    def _statistics(self, seen: Seen) -> dict[str, StepStatistics]:
        """By step, from what was seen on the way."""
        made, mode = {}, StatisticsMode.EVENTS
        for index, total in enumerate(totals(seen.records)):
            step, executor = self._executors[index]
            counted = self._prepared.schedule.work[index].counted
            if counted is None:
                probes = [found[index] for found in seen.probes]
                made[step.name] = summarise(step, executor, self.program, probes, mode)
            else:
                accumulator, events = counted.accumulator(total), counted.events(total)
                own = self._described[index]
                made[step.name] = StepStatistics(
                    **own, images=len(seen.records), accumulator=accumulator, events=events
                )
        return made


def simulate(
    program: Program,
    inputs: Inputs,
    *,
    taps: Iterable[str] = (),
    statistics: bool | str = False,
    threads: int | None = None,
    datapath: Datapath | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a program bit-exactly.

    Parameters
    ----------
    inputs
        A batch: integer codes of the input type; raw bytes or floats, which are quantized by
        ARITHMETIC.md A9. Several inputs: a mapping from name to batch.
    taps
        What to record: ``STEP`` (accumulator and output), ``STEP:POINT``, ``STEP:*``.
    statistics
        False, True, or ``"prefix"`` to count overflows of accumulator prefixes too.
    threads
        Images are spread over so many threads; None: one per processor. The bits do not depend on it.
    datapath
        Another datapath to run on; None: the program's own.

    Raises
    ------
    InputError
        If inputs, taps or datapath do not fit the program.
    """
    simulator = Simulator(program, datapath)
    return simulator.run(inputs, taps=taps, statistics=statistics, threads=threads, progress=progress)


def _mode(statistics: bool | str) -> StatisticsMode:
    if isinstance(statistics, bool):
        return StatisticsMode.EVENTS if statistics else StatisticsMode.OFF
    try:
        return StatisticsMode(statistics)
    except ValueError:
        allowed = "False, True, " + ", ".join(StatisticsMode)
        raise InputError("unknown statistics", found=statistics, allowed=allowed) from None


def _threads(threads: int | None) -> int:
    if threads is None:
        return os.cpu_count() or 1
    if threads < 1:
        raise InputError("threads must be positive", found=threads, allowed="1 or more")
    return threads
