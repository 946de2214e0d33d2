"""What can enter the pipelines of steps that work on single codes, or on pairs of them: all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npusim.analysis.rescale import Words
from npusim.coverage.bins import Bin
from npusim.coverage.stage_bins import pipeline_bins
from npusim.coverage.unit import PipelineVector, Registers
from npusim.datapath.operations import PipelineRole
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.pipeline import run
from npusim.spec.stages import BaseStage
from npusim.step_coverage.mac_unit import StepUnit
from npusim.step_coverage.shows import shows
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.concat import ConcatStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.table import TableStep

FEW = 4096
"""So many values are looked at by the spec alone."""


@dataclass(frozen=True, eq=False)
class Source:
    """One pipeline of a step with the registers of some channels, and all that can enter it.

    Attributes
    ----------
    values : int64[n]
        Every value, ascending.
    inputs : int64[n, inputs]
        For each a code of every input of the step that makes it.
    """

    unit: StepUnit
    values: Words
    inputs: Words

    def first(self, wanted: Bin) -> int | None:
        """The index of the first value that hits a bin; None if none does."""
        mask = shows(self.unit, wanted, self.values)
        if mask is None:
            return next((i for i, value in enumerate(self.values.tolist()) if self.hit(wanted, value)), None)
        return int(mask.argmax()) if mask.any() else None

    def hit(self, wanted: Bin, value: int) -> bool:
        """Whether a value hits a bin, by the spec."""
        assert self.unit.held is not None
        return wanted.hit(self.unit, self.unit.observe(PipelineVector(value, self.unit.held)))

    def none(self, wanted: Bin) -> bool:
        """Whether no value hits a bin: by the spec where they are few."""
        if len(self.values) <= FEW:
            return not any(self.hit(wanted, value) for value in self.values.tolist())
        return self.first(wanted) is None


def sources(program: Program, step: Step) -> list[Source] | None:
    """All pipelines of a step; None for steps that are no such ones."""
    types = program.input_types(step)
    codes = [x.codes.interval for x in types]
    datapath = program.datapath
    if isinstance(step, TableStep):
        build = _Builder(program, step, step.kind, PipelineRole.RESULT)
        return [build.source(held, its, codes[0], 0) for held, its in build.groups(step.fields)]
    if isinstance(step, (ConcatStep, ExtremeStep)):
        build = _Builder(program, step, step.kind, PipelineRole.OPERAND)
        return [
            build.source(held, its, codes[index], index)
            for index, fields in enumerate(step.operand_fields)
            if fields is not None
            for held, its in build.groups(fields)
        ]
    if not isinstance(step, BinaryStep):
        return None
    build = _Builder(program, step, step.kind, PipelineRole.OPERAND)
    operands = [
        build.source(held, its, codes[index], index)
        for index, fields in enumerate(step.operand_fields)
        for held, its in build.groups(fields)
    ]
    result = _Builder(program, step, step.kind, PipelineRole.RESULT)
    pairs = [
        _combined(result, step, held, its, codes, step.operand_stages(datapath))
        for held, its in result.groups(step.fields, step.operand_fields)
    ]
    return [*operands, *pairs]


def source_bins(found: Sequence[Source]) -> Iterator[tuple[str, list[tuple[Source, Bin]]]]:
    """The bins of all pipelines; channels of one pipeline share what has the same name."""
    bins: dict[str, list[tuple[Source, Bin]]] = {}
    for source in found:
        for one in pipeline_bins(source.unit):
            bins.setdefault(one.name, []).append((source, one))
    yield from bins.items()


@dataclass(frozen=True)
class _Builder:
    program: Program
    step: Step
    operation: str
    role: PipelineRole

    def groups(
        self, fields: Mapping[str, Any], others: Sequence[Mapping[str, Any]] = ()
    ) -> Iterator[tuple[Registers, tuple[int, ...]]]:
        """Channels by what their registers hold; also by those of other pipelines, `others`."""
        names = self.unit.names
        found: dict[tuple[Any, ...], list[int]] = {}
        for channel in range(self.program.tensors[self.step.output].shape[-1]):
            own, *further = (_channel(self.unit, each, channel) for each in (fields, *others))
            held = {name: own[name] for name in names}
            apart = tuple(tuple(each.items()) for each in further)
            found.setdefault((tuple(held.items()), apart), []).append(channel)
        for (items, _), its in found.items():
            yield dict(items), tuple(its)

    @property
    def unit(self) -> StepUnit:
        """The pipeline, whatever its registers hold."""
        return self._unit({}, Interval(0, 0), ())

    def _unit(self, held: Registers, entering: Interval, channels: tuple[int, ...]) -> StepUnit:
        return StepUnit(
            self.program.datapath,
            self.operation,
            self.role,
            held=held,
            accumulators=entering,
            channels=channels,
        )

    def source(self, held: Registers, channels: tuple[int, ...], codes: Interval, index: int) -> Source:
        """A pipeline that reads the codes of one input; the others' are their least."""
        values = np.arange(codes.low, codes.high + 1, dtype=np.int64)
        inputs = np.zeros((len(values), len(self.step.inputs)), np.int64)
        for place, x in enumerate(self.program.input_types(self.step)):
            inputs[:, place] = values if place == index else x.codes.interval.low
        return Source(self._unit(held, codes, channels), values, inputs)

    def of_values(self, held: Registers, channels: tuple[int, ...], values: Words, inputs: Words) -> Source:
        """A pipeline that reads what is made of the inputs."""
        entering = Interval(int(values[0]), int(values[-1]))
        return Source(self._unit(held, entering, channels), values, inputs)


def _channel(unit: StepUnit, fields: Mapping[str, Any], channel: int) -> Registers:
    """What registers hold in a channel of the output; of fewer channels, the last one is repeated."""
    held: Registers = {}
    for name, value in fields.items():
        array = np.asarray(value)
        if array.ndim == 0:
            held[name] = int(array)
        elif name in unit.tables:
            held[name] = tuple(array.tolist())
        else:
            held[name] = int(array[min(channel, array.size - 1)])
    return held


def _combined(
    build: _Builder,
    step: BinaryStep,
    held: Registers,
    channels: tuple[int, ...],
    codes: Sequence[Interval],
    stages: tuple[BaseStage, ...],
) -> Source:
    """Every combination of two codes, equal ones once."""
    aligned = []
    for interval, fields in zip(codes, step.operand_fields, strict=True):
        own = _channel(build.unit, fields, channels[0])
        aligned.append([run(stages, code, own).result for code in range(interval.low, interval.high + 1)])
    a, b = (np.array(each, np.int64) for each in aligned)
    made = np.array([[step.combination.of(x, y) for y in b.tolist()] for x in a.tolist()], np.int64)
    values, first = np.unique(made.reshape(-1), return_index=True)
    pairs = np.stack(np.divmod(first, len(b)), axis=1) + np.array([codes[0].low, codes[1].low])
    return build.of_values(held, channels, values, pairs)
