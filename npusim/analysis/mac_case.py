"""What explains a diverging mac step: rules of the MAC, rules of the rescale."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import numpy as np

from npusim.analysis.case import Case, Context
from npusim.analysis.change import AnyChange, Change, Pipeline
from npusim.analysis.explanation import Observed, explain
from npusim.analysis.mac_changes import MacChange, MacSetup, mac_catalogue, setup
from npusim.analysis.rescale import Rescale, Words
from npusim.analysis.taps import TapSet
from npusim.analysis.units import pipeline_name
from npusim.datapath.operations import PipelineRole
from npusim.steps.mac import MacStep


class MacCase(Case):
    """One diverging mac step; all values are (images * pixels, channels)."""

    needs: ClassVar[str] = "give the inputs (--input) to have rules of the MAC tried"

    def __init__(self, step: MacStep, expected: TapSet, found: TapSet, context: Context) -> None:
        super().__init__(step, expected, found, context)
        self.step = step
        self.rescale = Rescale(step.stages(context.datapath), step.fields, step.outputs)
        place = pipeline_name(context.datapath, step.operation.value)
        registers = context.datapath.fields
        codes = context.datapath.activation.register
        self.pipeline = Pipeline(f"pipelines.{place}.{PipelineRole.RESULT}", codes, registers)
        for taps in (self.ours, self.theirs):
            taps |= {point: values.reshape(-1, step.outputs) for point, values in taps.items()}

    def explanations(self) -> Iterator[tuple[AnyChange, ...]]:
        """The smallest sets of changes that explain accumulators and outputs as far as recorded."""
        if "accumulator" in self.theirs:
            yield from self._with_accumulators(self.theirs["accumulator"])
            return
        known = self.ours.get("accumulator", self._computed())
        if known is None:
            return
        singles = self._rescales(known, most=1)
        made: list[tuple[AnyChange, ...]] = list(singles)
        made += [(one,) for one in self._mac_changes(outputs=True)]
        yield from made or self._rescales(known, most=2)

    def _with_accumulators(self, theirs: Words) -> Iterator[tuple[AnyChange, ...]]:
        """Recorded accumulators part the MAC's rules from the rescale's: each is explained alone."""
        mac: list[tuple[AnyChange, ...]] = [()]
        ours = self.ours.get("accumulator", self._computed())
        if ours is None or not np.array_equal(ours, theirs):
            mac = [(one,) for one in self._mac_changes(outputs=False)]
        rescales = self._rescales(theirs, most=2)
        for first in mac:
            for second in rescales:
                yield (*first, *second)

    def _rescales(self, accumulators: Words, most: int) -> list[tuple[Change, ...]]:
        if "output" not in self.theirs:
            return [()]
        return explain(self.rescale, self.pipeline, Observed(accumulators, self.theirs["output"]), most)

    def _mac_changes(self, *, outputs: bool) -> Iterator[MacChange]:
        """Changes of the MAC that explain the accumulators, or the outputs made from them."""
        if self.codes is None:
            return
        wanted = self.theirs["output" if outputs else "accumulator"]
        for change in mac_catalogue(self._setup, self.step.x_zero):
            sums = self._sums(change.apply(self._setup))
            found = self.rescale.run(sums) if outputs else sums
            if np.array_equal(found, wanted):
                yield change

    @cached_property
    def _setup(self) -> MacSetup:
        program = self.context.program
        types = program.input_types(self.step)
        return setup(self.step, types[0], program.tensors[self.step.output], self.context.datapath)

    def _computed(self) -> Words | None:
        return None if self.codes is None else self._sums(self._setup)

    def _sums(self, made: MacSetup) -> Words:
        """The accumulators of the recorded pixels."""
        assert self.codes is not None
        images = len(self.codes[0])
        sums = made.run(self.codes[0]).reshape(images, *self.output.shape)
        return self.shown(sums).reshape(-1, self.step.outputs)
