"""Checks what a device under test made of a text of cases: counts, compares, tells the first mismatches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from npusim.errors import CheckFailed
from npusim.vectors.units.reader import Line, TextReader, some

SHOWN = 10


@dataclass
class Verdict:
    """What was compared, and what differed.

    Attributes
    ----------
    compared, events_compared
        Cases whose results, and whose events, were answered.
    counters_compared
        Whether the device told its counters at the end.
    wrong
        Cases, and counters, answered otherwise than expected.
    shown
        The first of those, told.
    problem
        Why the text cannot be believed, or that it ends early; None: it is whole.
    """

    unit: str = ""
    cases: int = 0
    compared: int = 0
    events_compared: int = 0
    counters_compared: bool = False
    wrong: int = 0
    shown: list[str] = field(default_factory=list)
    problem: str | None = None

    @property
    def failure(self) -> str | None:
        """Why the check failed; None: all was compared, nothing differed."""
        if self.problem is not None:
            return self.problem
        if not self.compared:
            return "nothing was compared: no case has an answer behind a second colon"
        if self.compared < self.cases:
            return f"{self.cases - self.compared} of {self.cases} cases have no answer"
        return f"{self.wrong} mismatches" if self.wrong else None


def check_text(lines: Iterable[str], shown: int = SHOWN) -> Verdict:
    """Read cases with answers, to the end or to the first line that cannot be believed.

    An edited case is never taken for a mismatch of the device: what it expects is computed anew.
    """
    verdict = Verdict()
    try:
        reader = TextReader(lines)
        verdict.unit = reader.unit.name
        names = [port.name for port in reader.unit.outputs]
        for line in reader.cases():
            _compare(verdict, line, names, reader.unit.results, shown)
        if reader.counters is not None:
            _counters(verdict, reader, *reader.counters)
    except CheckFailed as error:
        verdict.problem = str(error)
    return verdict


def _compare(verdict: Verdict, line: Line, names: Sequence[str], results: int, shown: int) -> None:
    verdict.cases += 1
    answer, expected = line.answer, line.expected
    if not answer:
        return
    if len(answer) not in {results, len(expected)}:
        raise CheckFailed(
            f"line {line.number}: an answer of {len(answer)} integers; allowed: {results} or {len(expected)}"
        )
    verdict.compared += 1
    verdict.events_compared += results < len(answer)
    if answer != expected[: len(answer)]:
        verdict.wrong += 1
        if len(verdict.shown) < shown:
            what = _differences(names, expected, answer)
            verdict.shown.append(f"line {line.number}: {what}; inputs {some(line.case.inputs)}")


def _counters(verdict: Verdict, reader: TextReader, number: int, answer: tuple[int, ...]) -> None:
    """A device may append its counters to the end line."""
    expected = reader.tally.counters
    if len(answer) != len(expected):
        raise CheckFailed(f"line {number}: {len(answer)} counters; allowed: {len(expected)}")
    verdict.counters_compared = True
    if answer != tuple(expected.values()):
        verdict.wrong += 1
        what = _differences(list(expected), tuple(expected.values()), answer)
        verdict.shown.append(f"line {number}: counters: {what}")


def _differences(names: Sequence[str], expected: Sequence[int], answer: Sequence[int]) -> str:
    return ", ".join(
        f"{name} expected {wanted}, got {got}"
        for name, wanted, got in zip(names, expected, answer, strict=False)
        if wanted != got
    )
