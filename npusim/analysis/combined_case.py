"""What explains a diverging step without weights: rules of its operands, of its result's pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.analysis.case import Case, Context
from npusim.analysis.change import AnyChange, Change
from npusim.analysis.combined import Combined, FrontChange, front_catalogue
from npusim.analysis.explanation import Observed, explain
from npusim.analysis.rescale import Rescale, Words
from npusim.analysis.taps import TapSet
from npusim.errors import InputError
from npusim.steps.base import Step


class CombinedCase(Case):
    """One diverging step; all values are (images, recorded elements)."""

    def __init__(self, step: Step, made: Combined, expected: TapSet, found: TapSet, context: Context) -> None:
        super().__init__(step, expected, found, context)
        self.made = made
        for taps in (self.ours, self.theirs):
            taps |= {point: values.reshape(len(values), -1) for point, values in taps.items()}

    def note(self) -> str:
        """Why nothing was found."""
        if self.theirs.keys().isdisjoint({"output", self.made.point}):
            return "the other set has stages of this step only: give its outputs as well"
        return super().note()

    def explanations(self) -> Iterator[tuple[AnyChange, ...]]:
        """The smallest sets of changes that explain what was combined and the outputs, as recorded."""
        theirs = self.theirs.get(self.made.point or "")
        if theirs is not None:
            yield from self._with_values(theirs)
            return
        ours = self._values
        if "output" not in self.theirs or ours is None:
            return
        singles = self._results(ours, most=1)
        found: list[tuple[AnyChange, ...]] = list(singles)
        found += [(one,) for one in self._fronts(outputs=True)]
        yield from found or self._results(ours, most=2)

    def _with_values(self, theirs: Words) -> Iterator[tuple[AnyChange, ...]]:
        """Where the other set has them, they part the operands' rules from the result's."""
        fronts: list[tuple[AnyChange, ...]] = [()]
        if self._values is None or not np.array_equal(self._values, theirs):
            fronts = [(one,) for one in self._fronts(outputs=False)]
        results: list[tuple[Change, ...]] = [()]
        if "output" in self.theirs:
            results = self._results(theirs, most=2)
        for first in fronts:
            for second in results:
                yield (*first, *second)

    @cached_property
    def _values(self) -> Words | None:
        """What was combined: recorded, or made of the inputs."""
        known = self.ours.get(self.made.point or "")
        if known is not None or self.codes is None:
            return known
        return self.shown(self.made.values(self.codes))

    def _fronts(self, *, outputs: bool) -> Iterator[FrontChange]:
        """Changes before the result's pipeline that explain what was combined, or the outputs."""
        if self.codes is None:
            return
        wanted = self.theirs["output" if outputs else str(self.made.point)]
        for change in front_catalogue(self.made):
            try:
                values = self.shown(change.apply(self.made).values(self.codes))
                if np.array_equal(self._answers(values) if outputs else values, wanted):
                    yield change
            except InputError:  # a changed pipeline that cannot be computed explains nothing
                continue

    def _results(self, values: Words, most: int) -> list[tuple[Change, ...]]:
        """Changes of the result's pipeline that explain the outputs."""
        wanted = self.theirs["output"]
        if self._rescale is None:
            return [()] if np.array_equal(values, wanted) else []
        copied = ~self._through
        if not np.array_equal(values[:, copied], wanted[:, copied]):
            return []
        seen = Observed(self._columns(values), self._columns(wanted))
        return explain(self._rescale, self.made.result_pipeline, seen, most)

    def _answers(self, values: Words) -> Words:
        if self._rescale is None:
            return values
        made = values.copy()
        results = self._rescale.run(self._columns(values)).astype(np.int64)
        made[:, self._through] = results.reshape(len(values), -1)
        return made

    @cached_property
    def _through(self) -> npt.NDArray[np.bool_]:
        """Which recorded elements go through the result's pipeline."""
        elements = int(np.prod(self.output.shape))
        whole = np.ones(elements, np.bool_) if self.made.rescaled is None else self.made.rescaled
        through: npt.NDArray[np.bool_] = self.shown(whole.reshape(1, *self.output.shape))[0] != 0
        return through

    @cached_property
    def _rescale(self) -> Rescale | None:
        """The result's pipeline for the recorded elements, or for each channel."""
        rescale, whole = self.made.result, self.made.rescaled
        if rescale is None or (rescale.channels == self.output.shape[-1] and whole is None):
            return rescale
        numbers = np.full(int(np.prod(self.output.shape)), -1)
        numbers[slice(None) if whole is None else whole] = np.arange(rescale.channels)
        shown = self.shown(numbers.reshape(1, *self.output.shape))[0]
        return rescale.columns(shown[shown >= 0])

    def _columns(self, values: Words) -> Words:
        assert self._rescale is not None
        return np.ascontiguousarray(values[:, self._through].reshape(-1, self._rescale.channels))
