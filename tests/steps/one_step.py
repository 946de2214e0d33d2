"""Programs of one step, and what the spec says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

import npusim
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.prepared import prepared
from npusim.program import Program
from npusim.simulator import Result
from npusim.spec.events import Event
from npusim.spec.pipeline import Trace
from npusim.steps.base import Step, TensorType
from npusim.steps.probe import EventCount

Codes = npt.NDArray[Any]

WES = load_datapath("wes_npu")
CHANNELWISE = change_datapath(WES, {"fields.multiplier.per": "channel"}, "channelwise")
EVEN = change_datapath(
    WES,
    {
        "pipelines.add.result[0].rounding": "half_even",
        "pipelines.average_pool.result[1].rounding": "half_even",
        "pipelines.concat.operand[2].rounding": "half_even",
    },
    "even",
)


def one_step(step: Step, shapes: Sequence[tuple[int, ...]], datapath: Datapath = WES) -> Program:
    """A program of one step whose inputs have these shapes."""
    names = list(dict.fromkeys(step.inputs))
    bits, signed = datapath.activation.bits, datapath.activation.signed
    types = {
        name: TensorType(shape=shape, bits=bits, signed=signed)
        for name, shape in zip(names, shapes, strict=True)
    }
    try:
        made = step.output_type([types[name] for name in step.inputs], datapath)
    except InputError as error:
        raise error.within("steps[0]") from None
    return Program(
        name="one_step",
        input_names=tuple(names),
        output_names=(step.output,),
        tensors={**types, step.output: made},
        steps=(step,),
        datapath=datapath,
    )


def run_step(step: Step, inputs: Sequence[Codes], datapath: Datapath = WES) -> Result:
    """Run one step on batches of codes with all taps and statistics; in one pass it must tell the same."""
    program = one_step(step, [batch.shape[1:] for batch in inputs], datapath)
    named = dict(zip(program.input_names, inputs, strict=True))
    tapped = npusim.simulate(program, named, taps=[f"{step.name}:*"], statistics=True, threads=2)
    if prepared(program, program.datapath).schedule.work[0].counted is not None:
        counted = npusim.simulate(program, named, statistics=True, threads=1)
        assert counted.statistics == tapped.statistics
        np.testing.assert_array_equal(counted.outputs[step.output], tapped.outputs[step.output])
    return tapped


@dataclass
class Expected:
    """What the spec says a step does to a batch.

    Attributes
    ----------
    taps
        By point, values in the order they were added: flat, image by image.
    """

    taps: dict[str, list[int]] = field(default_factory=dict)
    events: dict[str, dict[str, EventCount]] = field(default_factory=dict)

    def value(self, point: str, value: int) -> None:
        """One value of a tap."""
        self.taps.setdefault(point, []).append(value)

    def trace(self, trace: Trace, points: Sequence[str], image: int, flat: int) -> int:
        """One value's way through a pipeline, at a flat position of the step's output."""
        for point, value, events in zip(points, trace.values, trace.events, strict=True):
            self.value(point, value)
            for event in events:
                self._count(point, event, (image, flat))
        return trace.result

    def _count(self, point: str, event: Event, place: tuple[int, int]) -> None:
        found = self.events.setdefault(point, {})
        once = EventCount(1, place)
        found[event.value] = found[event.value].merge(once) if event.value in found else once

    def check(self, result: Result, step: Step) -> None:
        """Compare with what the simulator recorded."""
        assert result.statistics is not None
        recorded = result.taps[step.name]
        assert recorded.keys() == self.taps.keys()
        for point, values in self.taps.items():
            np.testing.assert_array_equal(recorded[point].reshape(-1), values, err_msg=point)
        np.testing.assert_array_equal(recorded["output"], result.outputs[step.output])
        happened = {stage: events for stage, events in result.statistics[step.name].events.items() if events}
        assert happened == self.events
