"""One diverging step: what is known of it in both sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import AnyChange
from npusim.analysis.rescale import Words
from npusim.analysis.taps import TapSet
from npusim.datapath.model import Datapath
from npusim.program import Program
from npusim.simulator import Simulator
from npusim.steps.base import Step

Codes = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Context:
    """What explanations need besides the taps.

    Attributes
    ----------
    inputs
        The program's input codes, by name; empty: rules of what stands before the rescale are not
        tried where the step's inputs were not recorded.
    """

    program: Program
    datapath: Datapath
    inputs: Mapping[str, Codes] = field(default_factory=dict)


class Case(ABC):
    """One diverging step, and what could explain it.

    Attributes
    ----------
    ours, theirs
        Recorded values by point, of the recorded pixels: (images, ...).
    pixels
        The pixels recorded; None: all.
    codes
        The codes of each input; None: not known.
    """

    needs: ClassVar[str] = "give the inputs (--input) to have more rules tried"

    def __init__(self, step: Step, expected: TapSet, found: TapSet, context: Context) -> None:
        self.context = context
        self.ours, self.theirs = (
            {
                point: tap.values.astype(np.int64)
                for (name, point), tap in taps.taps.items()
                if name == step.name
            }
            for taps in (expected, found)
        )
        self.pixels = next(tap.pixels for (name, _), tap in expected.taps.items() if name == step.name)
        self.output = context.program.tensors[step.output]
        self.codes = _input_codes(step, expected, context)

    @abstractmethod
    def explanations(self) -> Iterator[tuple[AnyChange, ...]]:
        """The smallest sets of changes that explain all that was recorded."""

    def note(self) -> str:
        """Why nothing was found."""
        if self.codes is None:
            return self.needs
        return "no set of up to two changes of single rules explains all differences"

    def shown(self, values: Codes) -> Words:
        """The recorded pixels of all: (images, recorded elements)."""
        if self.pixels is not None:
            values = values.reshape(len(values), -1, self.output.shape[-1])[:, list(self.pixels)]
        return np.ascontiguousarray(values.reshape(len(values), -1), np.int64)


def _input_codes(step: Step, expected: TapSet, context: Context) -> list[Codes] | None:
    """The step's inputs: recorded, given, or simulated from what was given."""
    producers = {made.output: made for made in context.program.steps}
    found: dict[str, Codes] = {}
    wanted: list[str] = []
    for tensor in dict.fromkeys(step.inputs):
        producer = producers.get(tensor)
        if producer is None:
            if tensor not in context.inputs:
                return None
            found[tensor] = context.inputs[tensor]
            continue
        tap = expected.taps.get((producer.name, "output"))
        if tap is not None and tap.pixels is None:
            found[tensor] = tap.values
        else:
            wanted.append(tensor)
    if wanted and not context.inputs:
        return None
    if wanted:
        names = [producers[tensor].name for tensor in wanted]
        simulator = Simulator(context.program, context.datapath)
        taps = simulator.run(context.inputs, taps=[f"{name}:output" for name in names]).taps
        found |= {tensor: taps[name]["output"] for tensor, name in zip(wanted, names, strict=True)}
    return [found[tensor] for tensor in step.inputs]
