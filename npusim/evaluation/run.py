"""Evaluates a set of samples piece by piece: bounded memory, resumable, the same bits for any pieces."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from npusim.evaluation.fitting import Fitting
from npusim.evaluation.judge import Depth, Judge, Progress, check_match
from npusim.evaluation.measures.base import Records
from npusim.evaluation.parts import Parts, code_digest, digest_of
from npusim.evaluation.result import Evaluation
from npusim.evaluation.samples import Batch, Samples
from npusim.files.atomic import output_folder
from npusim.files.digest import array_digest
from npusim.files.documents import document_digest
from npusim.network import Network
from npusim.preprocess import Fit
from npusim.program import Program
from npusim.task import Task

STEP_SAMPLES = 32
"""Over so many samples the SQNR of steps is taken, unless told otherwise."""

_BATCH_BYTES = 1 << 26
_MOST = 64


@dataclass(frozen=True)
class Options:
    """How an evaluation goes about it; none of this changes what it finds but the first five.

    Attributes
    ----------
    task
        What answers are judged as; None: the network's, else what its shapes suggest.
    label_offset
        Added to labels, instead of what the task says.
    fit
        How images of another size come to the network's; None: as its preprocess block says.
    limit
        At most so many samples.
    steps
        SQNR of every step over the first so many samples; 0: of none.
    batch
        Samples computed at once in runs of integers alone. With a network its tensors' sizes decide.
    threads
        None: one per processor.
    folder
        Where finished pieces are kept: an interrupted evaluation goes on there. None: nowhere.
    cache
        Where float's answers are kept for the next program of the same network. None: nowhere.
    """

    task: Task | None = None
    label_offset: int | None = None
    fit: Fit | None = None
    limit: int | None = None
    steps: int = STEP_SAMPLES
    batch: int | None = None
    threads: int | None = None
    folder: Path | None = None
    cache: Path | None = None


def evaluate_samples(
    network: Network | None,
    program: Program,
    samples: Samples,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare a program with its float network on samples that need not fit into memory.

    Parameters
    ----------
    network
        None: the program's own accuracy alone, at the speed of integers.
    progress
        Told how many samples of how many are done.

    Raises
    ------
    InputError
        Samples that do not fit, damaged ones, a program of another network; a folder in use.
    """
    run = _Run(network, program, samples, options or Options())
    if run.options.folder is None:
        return run.whole(Parts(None), progress)
    with output_folder(run.options.folder) as folder:
        return run.whole(Parts(folder / "parts"), progress)


class _Run:
    def __init__(self, network: Network | None, program: Program, samples: Samples, options: Options) -> None:
        self.options, self._samples = options, samples
        if network is not None:
            check_match(network, program)
        preprocess = program.real.preprocess if network is None else network.preprocess
        self._fitting = Fitting(samples.row_shape, program.inputs[0].shape, options.fit, preprocess)
        self._judge = Judge(
            network,
            program,
            task=options.task,
            label_offset=options.label_offset,
            inputs=self._fitting.inputs,
            threads=options.threads,
            cache=options.cache,
        )
        self._total = len(samples) if options.limit is None else min(len(samples), options.limit)
        side = self._judge.float_side
        self._size = self._integer_batch(program) if side is None else side.samples
        self._steps = 0 if side is None else options.steps
        self._program, self._network = program, network

    def _integer_batch(self, program: Program) -> int:
        if self.options.batch is not None:
            return self.options.batch
        elements = sum(prod(tensor.shape) for tensor in (*program.inputs, *program.outputs))
        return max(1, min(_MOST, _BATCH_BYTES // (8 * elements * self._fitting.inputs)))

    def whole(self, parts: Parts, progress: Progress | None) -> Evaluation:
        kept = []
        key = None if self.options.folder is None else self._key()
        for start in range(0, self._total, self._size):
            stop = min(start + self._size, self._total)
            kept.append(self._piece(start, stop, parts, key))
            if progress is not None:
                progress(stop, self._total)
        return self._judge.conclude(kept, names=self._samples.name)

    def _piece(self, start: int, stop: int, parts: Parts, key: str | None) -> Records:
        """One piece: found if it was finished before, else computed and kept."""
        batch = self._samples.read(start, stop)
        depth = Depth.STEPS if start < self._steps else Depth.OUTPUTS
        own = "" if key is None else digest_of(key, depth.value, array_digest(batch.raw), _labels(batch))
        found = parts.load(own) if own else None
        if found is None:
            found, _, _ = self._judge.look(self._fitting(batch.raw), batch.labels, depth)
            if own:
                parts.save(own, found)
        if depth is Depth.STEPS:  # a piece may be larger than what was asked for
            found = {**found, "steps": found["steps"][: self._steps - start]}
        return found

    def _key(self) -> str:
        """What all pieces depend on besides their samples."""
        network = "" if self._judge.float_side is None else self._judge.float_side.digest
        fit = "" if self.options.fit is None else self.options.fit.value
        task = self._judge.task.model_dump_json()
        return digest_of(code_digest(), network, document_digest(self._program), task, fit)


def _labels(batch: Batch) -> str:
    return "" if batch.labels is None else array_digest(batch.labels)
