"""Gathers what a report shows: proofs, statistics, comparisons with float, histograms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy.typing as npt

from npusim.analysis import prove
from npusim.evaluate import Evaluation, evaluate, program_inputs
from npusim.evaluation.fitting import Fitting
from npusim.evaluation.samples import Samples
from npusim.network import Network
from npusim.program import Program
from npusim.report.facts import FileFact, Report, Subject
from npusim.report.histograms import Histogram, accumulator_histograms
from npusim.report.sweeps import SweepResults
from npusim.simulator import Simulator
from npusim.statistics import StepStatistics, merge_statistics

Array = npt.NDArray[Any]
Batch = tuple[Array, Array | None]

HISTOGRAM_IMAGES = 16
"""Accumulators of at most so many images are counted one by one."""

_BATCH = 8


class Watcher(Protocol):
    """Is told what is being done, and how far it is."""

    def tell(self, words: str) -> None:
        """What is being done."""

    def count(self, done: int, total: int) -> None:
        """How far it is."""


class _Nobody:
    """A watcher that does not care."""

    def tell(self, words: str) -> None:
        pass

    def count(self, done: int, total: int) -> None:
        pass


def make_report(
    program: Program,
    *,
    network: Network | None = None,
    samples: Samples | None = None,
    limit: int | None = None,
    label_offset: int | None = None,
    label: str | None = None,
    compared: Sequence[tuple[str, Program]] = (),
    sweeps: Sequence[SweepResults] = (),
    files: Sequence[FileFact] = (),
    threads: int | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Gather everything; what there is no network or no samples for is left out.

    Parameters
    ----------
    limit
        At most so many samples.
    label_offset
        Added to labels; None: as the network's task says.
    label
        What to call the program beside those compared; None: its recipe, else its name.
    compared
        Other programs of the same network, with what to call them.
    watcher
        Told what is being done.

    Raises
    ------
    InputError
        If samples do not fit the program, or the program or one compared does not fit the network.
    """
    told = _Nobody() if watcher is None else watcher
    source = None if samples is None else _Source(network, samples, limit, label_offset, threads, told)
    named = [(label or program.recipe or program.name, program), *compared]
    subjects = [_subject(name, found, source, told) for name, found in named]
    counted = 0 if source is None else min(source.total, HISTOGRAM_IMAGES)
    return Report(
        subject=subjects[0],
        network=network,
        images=0 if source is None else source.total,
        histograms={} if source is None else source.histograms(program, counted),
        histogram_images=counted,
        compared=tuple(subjects[1:]),
        sweeps=tuple(sweeps),
        files=tuple(files),
        names={} if source is None else source.names(subjects[0].evaluation),
    )


def _subject(name: str, program: Program, source: _Source | None, told: Watcher) -> Subject:
    told.tell(f"{name}: proving")
    proof = prove(program)
    if source is None:
        return Subject(name, program, proof)
    told.tell(f"{name}: images")
    if source.network is None:
        return Subject(name, program, proof, source.statistics(program))
    found = source.evaluation(source.network, program)
    return Subject(name, program, proof, found.statistics, found)


class _Source:
    """Samples, and what is done with them."""

    def __init__(
        self,
        network: Network | None,
        samples: Samples,
        limit: int | None,
        label_offset: int | None,
        threads: int | None,
        told: Watcher,
    ) -> None:
        self.network, self._samples = network, samples
        self.total = len(samples) if limit is None else min(len(samples), limit)
        self._label_offset, self._threads, self._told = label_offset, threads, told

    def _batches(self) -> Iterator[Batch]:
        for start in range(0, self.total, _BATCH):
            batch = self._samples.read(start, min(start + _BATCH, self.total))
            yield batch.raw, batch.labels

    def _inputs(self, program: Program) -> Iterator[Array]:
        """Batches as a program reads them."""
        known = program.real.preprocess if self.network is None else self.network.preprocess
        fitting = Fitting(self._samples.row_shape, program.inputs[0].shape, None, known)
        for raw, _ in self._batches():
            fitted = fitting(raw)
            yield fitted if self.network is None else program_inputs(self.network, program, fitted)

    def evaluation(self, network: Network, program: Program) -> Evaluation:
        """Against float."""
        return evaluate(
            network,
            program,
            self._batches(),
            label_offset=self._label_offset,
            threads=self._threads,
            total=self.total,
            progress=self._told.count,
        )

    def statistics(self, program: Program) -> dict[str, StepStatistics]:
        """Events alone, where there is no network."""
        simulator, parts, done = Simulator(program), [], 0
        for batch in self._inputs(program):
            parts.append(simulator.run(batch, statistics=True, threads=self._threads).statistics or {})
            done += len(batch)
            self._told.count(done, self.total)
        return merge_statistics(parts)

    def histograms(self, program: Program, count: int) -> dict[str, Histogram]:
        """Of the accumulators of the first `count` inputs."""
        self._told.tell("counting accumulators")
        images = islice((image for batch in self._inputs(program) for image in batch), count)
        return accumulator_histograms(
            program, images, count, threads=self._threads, progress=self._told.count
        )

    def names(self, evaluation: Evaluation | None) -> dict[int, str]:
        """What people call the images that are answered differently."""
        found = () if evaluation is None else evaluation.disagreements
        named = ((image.index, self._samples.name(image.index)) for image in found)
        return {index: name for index, name in named if name is not None}
