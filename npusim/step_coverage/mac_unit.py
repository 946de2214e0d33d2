"""What a mac step's coverage is measured on: its windows, its weights, and the registers of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.bounds import Bounds, End, Moment, bounds
from npusim.analysis.columns import Columns, PixelClass, columns_of
from npusim.analysis.rescale import Rescale
from npusim.analysis.units import pipeline_name
from npusim.coverage.column_unit import ColumnUnit, ColumnVector, Write
from npusim.coverage.unit import Observation, PipelineUnit, PipelineVector, Registers
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.mac import accumulate
from npusim.spec.width import Overflow
from npusim.steps.mac import MacStep

Codes = npt.NDArray[Any]


@dataclass(frozen=True)
class Term:
    """One product of an output.

    Attributes
    ----------
    place
        Where its code stands in the input; None: in the padding.
    side
        Before (-1), in (0) or behind (1) the input's rows, and its columns.
    weight
        Less the weight's zero point.
    tap
        The kernel position, in raster order.
    """

    place: tuple[int, int, int] | None
    side: tuple[int, int]
    weight: int
    beat: int
    lane: int
    tap: int


@dataclass(frozen=True)
class StepUnit(PipelineUnit):
    """The rescale behind some channels that hold the same registers.

    Attributes
    ----------
    held
        What the registers hold.
    accumulators
        What those channels can sum up.
    channels
        Which ones.
    """

    held: Registers | None = None
    accumulators: Interval | None = None
    channels: tuple[int, ...] = ()

    @cached_property
    def entering(self) -> Interval:
        assert self.accumulators is not None
        return self.accumulators

    @cached_property
    def ranges(self) -> dict[str, Interval]:
        assert self.held is not None
        return {
            name: Interval(min(value), max(value)) if isinstance(value, tuple) else Interval(value, value)
            for name, value in self.held.items()
        }


class MacUnit:
    """A mac step of a program.

    Parameters
    ----------
    step
        Its name in the program.
    """

    def __init__(self, program: Program, step: MacStep) -> None:
        self.step, self.datapath = step, program.datapath
        (self.x,) = program.input_types(step)
        self.y = program.tensors[step.output]
        found = columns_of(step, self.x, self.y, self.datapath)
        assert found is not None
        self.columns: Columns = found
        self.codes = self.x.codes.interval
        self.rescale = Rescale(step.stages(self.datapath), step.fields, step.outputs)
        self.terms = cache(self._terms)

    @property
    def beats(self) -> int:
        """Beats of one output."""
        taps = self.columns.taps
        return -(-taps // self.columns.lanes) if self.columns.depthwise else taps * self.columns.blocks

    @cached_property
    def whole(self) -> tuple[PixelClass, ...]:
        """The pixel classes whose windows no other's holds: what other classes sum up, these do too."""
        classes = self.columns.classes
        return tuple(
            one
            for one in classes
            if not any((other.inside | one.inside != one.inside).any() and (other.inside >= one.inside).all()
                       for other in classes)
        )  # fmt: skip

    def pixels(self, inside: PixelClass) -> list[tuple[int, int]]:
        """The output pixels of a class, in raster order."""
        window, size = self.columns.window, self.columns.size
        along = []
        for axis in range(2):
            kernel = window.kernel[axis]
            taps = inside.inside.reshape(window.kernel)
            wanted = taps.any(axis=1 - axis)
            places = (
                np.arange(self.columns.out[axis])[:, None] * window.stride[axis] - window.pad_before[axis]
            )
            places = places + np.arange(kernel) * window.dilation[axis]
            fits = ((places >= 0) & (places < size[axis])) == wanted
            along.append(np.flatnonzero(fits.all(axis=1)).tolist())
        return [(row, column) for row in along[0] for column in along[1]]

    @cached_property
    def column(self) -> ColumnUnit:
        """The column alone."""
        return ColumnUnit(self.datapath, self.beats)

    def _terms(self, channel: int, pixel: tuple[int, int]) -> tuple[Term, ...]:
        columns = self.columns
        weights = columns.weights[channel].astype(np.int64).reshape(columns.taps, -1)
        weights -= self.weight_zero(channel)
        first, kernel = columns.first_channel(channel), columns.window.kernel[1]
        found = []
        for tap in range(columns.taps):
            row, column = columns.window.at(*pixel, *divmod(tap, kernel))
            side = (_side(row, columns.size[0]), _side(column, columns.size[1]))
            for ci, weight in enumerate(weights[tap].tolist()):
                place = None if any(side) else (row, column, first + ci)
                lane = (tap if columns.depthwise else ci) % columns.lanes
                found.append(Term(place, side, weight, columns.beat_of(tap, ci), lane, tap))
        return tuple(found)

    def weight_zero(self, channel: int) -> int:
        """What is taken off a channel's weights."""
        zeros = np.asarray(self.columns.weight_zero, np.int64)
        return int(zeros if zeros.ndim == 0 else zeros[channel])

    @cached_property
    def beat_ends(self) -> list[tuple[int, int]]:
        """The least and the greatest sum of each beat, over all channels and windows."""
        positive, negative = self.columns.parts
        off = self.columns.taken_off
        low, high = self.codes.low - off, self.codes.high - off
        pad = (positive + negative) * (self.columns.pad_code - off)
        found: list[npt.NDArray[np.int64]] = []
        for cells, end in ((positive * low + negative * high, min), (positive * high + negative * low, max)):
            sums = [
                self.columns.beats(np.where(one.inside[:, None], cells, pad)) for one in self.columns.classes
            ]
            stacked = np.concatenate(sums)
            found.append(stacked.min(axis=0) if end is min else stacked.max(axis=0))
        return list(zip(found[0].tolist(), found[1].tolist(), strict=True))

    def accumulators(self, channel: int) -> Interval:
        """What a channel sums up exactly, over all codes and all its windows."""
        low, high = (int(self.bounds.ends[Moment.FINAL, end].value[channel]) for end in End)
        return Interval(low, high)

    @cached_property
    def bounds(self) -> Bounds:
        """The exact ranges of all channels, over all codes."""
        return bounds(self.columns, self.codes)

    def codes_at(self, term: Term) -> tuple[int, int]:
        """The least and the greatest code that a product can read."""
        pad = self.columns.pad_code
        return (pad, pad) if term.place is None else (self.codes.low, self.codes.high)

    @cached_property
    def exact(self) -> bool:
        """Whether no accumulator, no prefix in any order, and no tree can overflow (A5)."""
        register, tree = self.datapath.mac.accumulator.register, self.datapath.mac.column.tree
        off = self.columns.taken_off
        reach = max(abs(self.codes.low - off), abs(self.codes.high - off))
        positive, negative = self.columns.parts
        weights = (positive - negative).sum(axis=(1, 2))
        most = int((np.abs(self.columns.bias) + weights * reach).max())
        return most <= register.high and (tree is None or most <= tree.high)

    @property
    def wraps(self) -> bool:
        """Whether the accumulator wraps."""
        return self.datapath.mac.accumulator.overflow is Overflow.WRAP

    @cached_property
    def groups(self) -> tuple[StepUnit, ...]:
        """The channels by what their registers hold."""
        by_fields: dict[tuple[Any, ...], list[int]] = {}
        operation = pipeline_name(self.datapath, self.step.operation.value)
        names = PipelineUnit(self.datapath, operation).names
        for channel in range(self.columns.outputs):
            fields = self.fields(channel, names)
            by_fields.setdefault(tuple(fields.items()), []).append(channel)
        groups = []
        for held, channels in by_fields.items():
            hull = self.accumulators(channels[0])
            for channel in channels[1:]:
                hull = hull.hull(self.accumulators(channel))
            if not self.exact:
                hull = Interval.of(self.datapath.mac.accumulator.register)
            groups.append(
                StepUnit(
                    self.datapath, operation, held=dict(held), accumulators=hull, channels=tuple(channels)
                )
            )
        return tuple(groups)

    def fields(self, channel: int, names: Sequence[str]) -> Registers:
        """What a channel's registers hold."""
        held = self.rescale.channel(channel)
        return {name: value if isinstance(value := held[name], int) else tuple(value) for name in names}

    def observe(self, image: Codes, pixel: tuple[int, int], channel: int) -> Seen:
        """What the spec makes of one output of an image (rows, columns, channels)."""
        lanes, off = self.columns.lanes, self.columns.taken_off
        beats = [[(0, 0)] * lanes for _ in range(self.beats)]
        read = []
        for term in self.terms(channel, pixel):
            code = self.columns.pad_code if term.place is None else int(image[term.place])
            beats[term.beat][term.lane] = (code - off, term.weight)
            read.append((term, code))
        bias = int(self.columns.bias[channel])
        value = accumulate(beats, bias, self.datapath.mac.column).value
        activations, weights = (tuple(tuple(pair[i] for pair in beat) for beat in beats) for i in (0, 1))
        writes = self.column.observe(ColumnVector(activations, weights, bias))
        index = self.group_of[channel]
        group = self.groups[index]
        assert group.held is not None
        rescale = group.observe(PipelineVector(value, group.held))
        return Seen(index, channel, value, tuple(read), tuple(writes), rescale)

    @cached_property
    def group_of(self) -> dict[int, int]:
        """The index of each channel's group."""
        return {channel: index for index, group in enumerate(self.groups) for channel in group.channels}


def _side(at: int, size: int) -> int:
    return -1 if at < 0 else int(at >= size)


@dataclass(frozen=True)
class Seen:
    """What the spec made of one output.

    Attributes
    ----------
    group
        Index of the channel's group.
    read
        Every product with the code it read.
    """

    group: int
    channel: int
    accumulator: int
    read: tuple[tuple[Term, int], ...]
    writes: tuple[Write, ...]
    rescale: Observation

    @property
    def exact(self) -> int:
        """The exact sum of all that was written to the accumulator."""
        return self.writes[0].exact + sum(write.tree_exact for write in self.writes[1:])
