"""What the spec says about a whole image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.packed import Nest
from npusim.spec.convolution import Operands, ZeroPoint, output
from npusim.spec.loop_nest import conv2d_beats, depthwise_beats
from npusim.spec.mac import Accumulation, Column
from npusim.spec.pipeline import run
from npusim.spec.stages import BaseStage, Fields
from tests.kernels.strategies_kernels import Convolution


def accumulations(case: Convolution, column: Column, lanes: int) -> Iterator[Accumulation]:
    """Every output pixel's and channel's accumulation, in the order of linear indices."""
    outputs, per_group = case.weights.shape[0], case.weights.shape[3]
    zeros = np.broadcast_to(case.weight_zero, (outputs,))
    for row, at in np.ndindex(*case.geometry.out):
        for o in range(outputs):
            operands = Operands(
                activation=lambda y, x, c: int(case.x[y, x, c]),
                weight=lambda ky, kx, c, o=o: int(case.weights[o, ky, kx, c]),  # type: ignore[misc]
                rows=case.x.shape[0],
                columns=case.x.shape[1],
                first_channel=o // (outputs // case.groups) * per_group,
                x_zero=case.pad_code,
                weight_zero=int(zeros[o]),
                zero_point=ZeroPoint.SUBTRACT if case.x_zero == case.pad_code else ZeroPoint.FOLDED,
            )
            if case.nest is Nest.DEPTHWISE:
                beats = depthwise_beats(case.geometry.kernel, lanes)
            else:
                beats = conv2d_beats(case.geometry.kernel, per_group, lanes)
            yield output(operands, case.geometry.window, beats, (row, at), int(case.bias[o]), column)


class SpecRun:
    """A pipeline run by the spec on int64[rows, channels].

    Attributes
    ----------
    after : int64[stages, rows, channels]
    events
        Counted as kernels count them.
    """

    def __init__(
        self, stages: Sequence[BaseStage], values: npt.NDArray[np.int64], fields: Sequence[Fields]
    ) -> None:
        self.after = np.zeros((len(stages), *values.shape), np.int64)
        self.events = EventCounts(len(stages))
        for index, (row, channel) in enumerate(np.ndindex(*values.shape)):
            trace = run(stages, int(values[row, channel]), fields[channel])
            self.after[:, row, channel] = trace.values
            for stage, happened in enumerate(trace.events):
                for event in happened:
                    kind = KINDS.index(event)
                    self.events.counts[stage, kind] += 1
                    self.events.first[stage, kind] = min(self.events.first[stage, kind], index)


def columns_of(fields: Sequence[Fields]) -> dict[str, int | npt.NDArray[np.int64]]:
    """Channels' fields as kernels take them: one array a field; tables are the first channel's."""
    made: dict[str, int | npt.NDArray[np.int64]] = {}
    for name, value in fields[0].items():
        if isinstance(value, int):
            made[name] = np.array([channel[name] for channel in fields], np.int64)
        else:
            made[name] = np.array(value, np.int64)
    return made


def with_tables_of(first: Fields, fields: Fields) -> Mapping[str, int | Sequence[int]]:
    """`fields`, but with another channel's tables: a step has one table for all its channels."""
    return {
        name: value if isinstance(value, int) else first[name]  # tables are sequences
        for name, value in fields.items()
    }
