"""Coverage of a mac step: solve for it, certify what cannot be."""

from __future__ import annotations

from itertools import islice

from npusim.coverage.checker import check as check_rescale
from npusim.coverage.propose import Effort, propose
from npusim.coverage.report import Status
from npusim.step_coverage.certificates import Argument, StepCertificate
from npusim.step_coverage.checker import check, every_sum, every_window, products, write_ranges
from npusim.step_coverage.mac_bins import StepBin, StepKind, mac_bins
from npusim.step_coverage.mac_solve import Solver
from npusim.step_coverage.mac_unit import MacUnit
from npusim.step_coverage.mac_window import Window
from npusim.step_coverage.pack import Images
from npusim.step_coverage.report import StepCover, StepOutcome, StepReport, Where
from npusim.step_coverage.shows import shows

DEFAULT_BUDGET = 8
"""Channels that are tried for one bin."""

_TRIED = 4000
"""Windows that the spec is asked about, for one bin."""


class MacCover:
    """Solves for the bins of one step.

    Parameters
    ----------
    budget
        How many channels are tried for one bin, and in how many every sum is looked at.
    seed
        Of the search; the same seed gives the same images.
    """

    def __init__(self, unit: MacUnit, budget: int = DEFAULT_BUDGET, seed: int = 0) -> None:
        self._unit, self._budget = unit, budget
        self._solver = Solver(unit, budget, seed)
        self._images = Images(unit)

    def run(self) -> StepCover:
        """Every bin: hit, unreachable, or unknown."""
        placed: dict[str, tuple[StepBin, Where]] = {}
        outcomes: dict[str, StepOutcome] = {}
        for wanted in mac_bins(self._unit):
            certificate = self._certificate(wanted, Effort.RANGES)
            window = None if certificate is not None else self._window(wanted)
            if certificate is None and window is None:
                certificate = self._certificate(wanted, Effort.ALL)
            if certificate is None and window is None and wanted.kind is StepKind.RESCALE:
                certificate, window = self._every_sum(wanted)
            if certificate is None and window is None:
                certificate, window = self._every_window(wanted)
            if window is not None:
                image, pixel = self._images.add(window)
                placed[wanted.name] = wanted, Where(image, pixel, window.channel)
            status = Status.UNKNOWN if certificate is None else Status.UNREACHABLE
            outcomes[wanted.name] = StepOutcome(wanted.name, status, certificate=certificate)
        for name, (wanted, where) in placed.items():
            assert self._hits(wanted, where)
            outcomes[name] = StepOutcome(name, Status.HIT, where)
        step, images = self._unit.step, self._images.all()
        report = StepReport(step.name, step.operation.value, len(images), tuple(outcomes.values()))
        return StepCover(report, {step.inputs[0]: images})

    def _hits(self, wanted: StepBin, where: Where) -> bool:
        """By the spec, on the image as it became."""
        assert where.channel is not None
        row, column = where.pixel
        seen = self._unit.observe(self._images.image(where.image), (row, column), where.channel)
        return wanted.hit(self._unit, seen)

    def _window(self, wanted: StepBin) -> Window | None:
        for window in islice(self._solver.windows(wanted), _TRIED):
            alone = Images(self._unit)
            image, pixel = alone.add(window)
            if wanted.hit(self._unit, self._unit.observe(alone.image(image), pixel, window.channel)):
                return window
        return None

    def _certificate(self, wanted: StepBin, effort: Effort) -> StepCertificate | None:
        """An argument that the checker accepts; None if none was found."""
        found = certificate_for(self._unit, wanted, effort)
        return found if found is not None and check(self._unit, wanted, found) else None

    def _every_window(self, wanted: StepBin) -> tuple[StepCertificate | None, Window | None]:
        """Of a very small step, look at everything it can read."""
        seen = every_window(self._unit)
        hit = next((window for window, one in seen if wanted.hit(self._unit, one)), None)
        if hit is not None or not seen:
            return None, hit
        certificate = StepCertificate(Argument.CODES, cases=len(seen))
        return (certificate if check(self._unit, wanted, certificate) else None), None

    def _every_sum(self, wanted: StepBin) -> tuple[StepCertificate | None, Window | None]:
        """Look at every sum of every channel: none hits the bin, or one does and can be solved for."""
        counts = []
        channels = sum(len(self._unit.groups[index].channels) for index, _ in wanted.bins)
        if channels > self._budget * _CHANNELS:
            return None, None
        for index, one in wanted.bins:
            group, its = self._unit.groups[index], []
            for channel in group.channels:
                sums = every_sum(self._unit, channel)
                mask = None if sums is None else shows(group, one, sums)
                if sums is None or mask is None:
                    return None, None
                if mask.any():
                    return None, self._solver.window(channel, int(sums[mask.argmax()]))
                its.append(len(sums))
            counts.append(tuple(its))
        certificate = StepCertificate(Argument.SUMS, sums=tuple(counts))
        return (certificate if check(self._unit, wanted, certificate) else None), None


_CHANNELS = 32
"""For each unit of budget, in so many channels every sum is looked at."""


def certificate_for(unit: MacUnit, wanted: StepBin, effort: Effort) -> StepCertificate | None:
    """An argument that nothing hits a bin, not checked yet; None if there is none of that kind."""
    match wanted.kind:
        case StepKind.RESCALE:
            return _of_rescale(unit, wanted, effort)
        case StepKind.OVERFLOW:
            writes = tuple(write_ranges(unit, wanted.place + 1))
            return StepCertificate(Argument.WRITES, writes=writes)
        case StepKind.PADDING | StepKind.ALONE | StepKind.PARTIAL | StepKind.LAST:
            return StepCertificate(Argument.PLACES, cases=products(unit, wanted)[0])
    return None


def _of_rescale(unit: MacUnit, wanted: StepBin, effort: Effort) -> StepCertificate | None:
    ranges, arguments = [], []
    for index, one in wanted.bins:
        group = unit.groups[index]
        argument = propose(group, one, effort)
        if argument is None or not check_rescale(group, one, argument):
            return None
        ranges.append((group.entering.low, group.entering.high))
        arguments.append(argument)
    return StepCertificate(Argument.RANGES, tuple(ranges), tuple(arguments))
