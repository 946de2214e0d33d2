"""What explains a diverging mac step: changes of single rules, tried on what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Change, Pipeline
from npusim.analysis.explanation import Observed, explain
from npusim.analysis.mac_changes import MacChange, MacSetup, mac_catalogue, setup
from npusim.analysis.rescale import Rescale, Words
from npusim.analysis.taps import Tap, TapSet
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.program import Program
from npusim.simulator import Simulator
from npusim.steps.mac import MacStep

AnyChange = Change | MacChange


@dataclass(frozen=True, eq=False)
class Context:
    """What explanations need besides the taps.

    Attributes
    ----------
    inputs
        The program's input codes, by name; empty: rules of the MAC are not tried where the step's
        input was not recorded.
    """

    program: Program
    datapath: Datapath
    inputs: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


class Case:
    """One diverging mac step: what is known of it in both sets."""

    def __init__(self, step: MacStep, expected: TapSet, found: TapSet, context: Context) -> None:
        self.step, self.context = step, context
        self.rescale = Rescale(step.stages(context.datapath), step.fields, step.outputs)
        place = step.operation.value if step.operation.value in context.datapath.pipelines else "mac"
        registers = context.datapath.fields
        codes = context.datapath.activation.register
        self.pipeline = Pipeline(f"pipelines.{place}.{PipelineRole.RESULT}", codes, registers)
        self.ours, self.theirs = (
            {point: self._rows(tap) for (name, point), tap in taps.taps.items() if name == step.name}
            for taps in (expected, found)
        )
        self.pixels = next(tap.pixels for (name, _), tap in expected.taps.items() if name == step.name)
        self.codes = self._input_codes(expected)

    def _rows(self, tap: Tap) -> Words:
        return np.ascontiguousarray(tap.values.reshape(-1, self.step.outputs).astype(np.int64))

    def note(self) -> str:
        """Why nothing was found."""
        if self.codes is None and "accumulator" in self.theirs:
            return "give the inputs to have rules of the MAC tried"
        return "no set of up to two changes of single rules explains all differences"

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
        made = self._setup()
        if self.codes is None:
            return
        wanted = self.theirs["output" if outputs else "accumulator"]
        for change in mac_catalogue(made, self.step.x_zero):
            sums = self._shown(change.apply(made).run(self.codes))
            found = self.rescale.run(sums) if outputs else sums
            if np.array_equal(found, wanted):
                yield change

    def _setup(self) -> MacSetup:
        program = self.context.program
        types = program.input_types(self.step)
        return setup(self.step, types[0], program.tensors[self.step.output], self.context.datapath)

    def _computed(self) -> Words | None:
        return None if self.codes is None else self._shown(self._setup().run(self.codes))

    def _shown(self, sums: Words) -> Words:
        """The recorded pixels of all."""
        if self.pixels is None:
            return sums
        whole = sums.reshape(-1, self._setup().geometry.pixels, self.step.outputs)
        return np.ascontiguousarray(whole[:, list(self.pixels)].reshape(-1, self.step.outputs))

    def _input_codes(self, expected: TapSet) -> npt.NDArray[Any] | None:
        """The step's input: recorded, given, or simulated from what was given."""
        (tensor,) = self.step.inputs
        producer = next((step for step in self.context.program.steps if step.output == tensor), None)
        if producer is None:
            return self.context.inputs.get(tensor)
        tap = expected.taps.get((producer.name, "output"))
        if tap is not None and tap.pixels is None:
            return tap.values
        if not self.context.inputs:
            return None
        simulator = Simulator(self.context.program, self.context.datapath)
        made = simulator.run(self.context.inputs, taps=[f"{producer.name}:output"])
        codes: npt.NDArray[Any] = made.taps[producer.name]["output"]
        return codes
