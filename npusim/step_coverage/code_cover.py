"""Coverage of steps that work on single codes or pairs of them: every one is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.coverage.bins import Bin
from npusim.coverage.report import Status
from npusim.program import Program
from npusim.step_coverage.certificates import Argument, StepCertificate
from npusim.step_coverage.report import StepCover, StepOutcome, StepReport, Where
from npusim.step_coverage.sources import Source, source_bins, sources
from npusim.steps.base import Step


def cover_codes(program: Program, step: Step) -> StepCover | None:
    """Every bin of a step's pipelines: hit or unreachable; None for steps that are no such ones."""
    found = sources(program, step)
    if found is None:
        return None
    inputs = _Inputs(program, step)
    outcomes = [_outcome(name, bins, inputs) for name, bins in source_bins(found)]
    arrays = inputs.arrays()
    images = len(next(iter(arrays.values())))
    return StepCover(StepReport(step.name, step.kind, images, tuple(outcomes)), arrays)


def _outcome(name: str, bins: Sequence[tuple[Source, Bin]], inputs: _Inputs) -> StepOutcome:
    for source, wanted in bins:
        place = source.first(wanted)
        if place is not None:
            assert source.hit(wanted, int(source.values[place]))
            where = inputs.add(tuple(source.inputs[place].tolist()), source.unit.channels[0])
            return StepOutcome(name, Status.HIT, where)
    certificate = StepCertificate(Argument.CODES, cases=sum(len(source.values) for source, _ in bins))
    checked = check_codes(bins, certificate)
    status = Status.UNREACHABLE if checked else Status.UNKNOWN
    return StepOutcome(name, status, certificate=certificate if checked else None)


def check_codes(bins: Sequence[tuple[Source, Bin]], certificate: StepCertificate) -> bool:
    """Whether a certificate proves that no code, or pair of codes, hits a bin: all are looked at again."""
    if certificate.argument is not Argument.CODES:
        return False
    if certificate.cases != sum(len(source.values) for source, _ in bins):
        return False
    return all(source.none(wanted) for source, wanted in bins)


class _Inputs:
    """Codes at places of the step's inputs, each in the channel it is wanted in."""

    def __init__(self, program: Program, step: Step) -> None:
        self._names, self._types = step.inputs, program.input_types(step)
        self._shape = program.tensors[step.output].shape
        self._alike = all(x.shape == self._shape for x in self._types)
        self._images: list[list[npt.NDArray[Any]]] = []
        self._known: dict[tuple[tuple[int, ...], int], Where] = {}
        self._next: dict[int, int] = {}

    def add(self, codes: tuple[int, ...], channel: int) -> Where:
        """Put codes of all inputs somewhere in a channel."""
        key = codes, channel
        if key not in self._known:
            self._known[key] = self._placed(codes, channel)
        return self._known[key]

    def _placed(self, codes: tuple[int, ...], channel: int) -> Where:
        if not self._alike or len(set(self._names)) < len(self._names):
            # Shapes differ, or an input is read twice: every place holds the same.
            image = self._new()
            for held, code in zip(self._images[image], codes, strict=True):
                held.fill(code)
            return Where(image, (channel,), channel)
        pixels = int(np.prod(self._shape[:-1]))
        turn = self._next.get(channel, 0)
        self._next[channel] = turn + 1
        image, pixel = divmod(turn, pixels)
        while image >= len(self._images):
            self._new()
        flat = pixel * self._shape[-1] + channel
        for held, code in zip(self._images[image], codes, strict=True):
            held.reshape(-1)[flat] = code
        return Where(image, (flat,), channel)

    def _new(self) -> int:
        self._images.append([np.full(x.shape, x.codes.interval.low, x.dtype) for x in self._types])
        return len(self._images) - 1

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All images of each input."""
        if not self._images:
            self._new()
        return {
            name: np.stack([image[index] for image in self._images]) for index, name in enumerate(self._names)
        }
