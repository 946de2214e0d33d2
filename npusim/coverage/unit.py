"""What a pipeline's coverage is measured on: its stages, what enters, what its registers may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from npusim.datapath import Datapath
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.pipeline import Trace, run
from npusim.spec.stages import BaseStage, Clamp, Divide, Fields, FloatStage, Significant, Table, field_name
from npusim.spec.stages.base import value_of

Registers = dict[str, int | tuple[int, ...]]
"""What the registers of a pipeline hold; tables as tuples."""


@dataclass(frozen=True)
class PipelineVector:
    """One value and what the registers hold meanwhile."""

    value: int
    fields: Registers


@dataclass(frozen=True)
class Observation:
    """What the spec made of a vector.

    Attributes
    ----------
    entering
        What entered each stage; behind them the result.
    """

    fields: Registers
    trace: Trace
    entering: tuple[int, ...]


@dataclass(frozen=True)
class PipelineUnit:
    """One pipeline alone. The result pipeline of two operands takes any combination in their range."""

    datapath: Datapath
    operation: str
    role: PipelineRole = PipelineRole.RESULT

    def __post_init__(self) -> None:
        pipeline = self.datapath.pipelines.get(self.operation)
        if pipeline is None or pipeline.stages(self.role) is None:
            have = [f"{name}.{role}" for name in self.datapath.pipelines for role in PIPELINES[name].sources]
            raise InputError(
                f"{self.datapath.name} declares no such pipeline",
                key="pipelines",
                found=f"{self.operation}.{self.role}",
                allowed=", ".join(have),
            )

    @property
    def name(self) -> str:
        """Such as ``mac.result``."""
        return f"{self.operation}.{self.role}"

    @cached_property
    def stages(self) -> tuple[BaseStage, ...]:
        """Its stages, in order."""
        return self.datapath.pipelines[self.operation].stages(self.role) or ()

    @cached_property
    def entering(self) -> Interval:
        """What may enter the first stage."""
        return next(derive_pipeline(self.datapath, self.operation, self.role)).entering

    @cached_property
    def ranges(self) -> dict[str, Interval]:
        """What each register it reads may hold in a program that is legal (A3)."""
        declared = self.datapath.ranges()
        found = {name: declared[name] for name in self.names}
        for stage in self.stages:
            for operand in (
                [stage.by]
                if isinstance(stage, Divide)
                else [stage.digits]
                if isinstance(stage, Significant)
                else []
            ):
                name = field_name(operand)
                if name is not None:
                    found[name] = Interval(max(1, found[name].low), found[name].high)
        return found

    @cached_property
    def names(self) -> list[str]:
        """The registers and tables it reads."""
        names = [field_name(operand) for stage in self.stages for operand in stage.operands()]
        tables = [stage.table for stage in self.stages if isinstance(stage, Table)]
        return list(dict.fromkeys([*(name for name in names if name is not None), *tables]))

    @cached_property
    def tables(self) -> dict[str, int]:
        """The entries of each table it reads."""
        return {stage.table: stage.entries for stage in self.stages if isinstance(stage, Table)}

    def observe(self, vector: PipelineVector) -> Observation:
        """Run the spec on a vector."""
        trace = run(self.stages, vector.value, vector.fields)
        return Observation(vector.fields, trace, (vector.value, *trace.values))

    def problem(self, vector: PipelineVector) -> str | None:
        """Why no legal program has such a vector (A3); None if one may."""
        if vector.value not in self.entering:
            return f"value {vector.value} is not in {self.entering}"
        for name, allowed in self.ranges.items():
            if name not in vector.fields:
                return f"register {name} is missing"
            held = vector.fields[name]
            values = held if isinstance(held, tuple) else (held,)
            if isinstance(held, tuple) != (name in self.tables) or not values:
                return f"register {name} is of the wrong kind"
            if min(values) not in allowed or max(values) not in allowed:
                return f"register {name} is not in {allowed}"
            if name in self.tables and len(values) != self.tables[name]:
                return f"table {name} has {len(values)} entries, not {self.tables[name]}"
        return _crossed(self.stages, vector.fields)


def _crossed(stages: Sequence[BaseStage], fields: Fields) -> str | None:
    for stage in stages:
        if isinstance(stage, Clamp) and value_of(stage.low, fields) > value_of(stage.high, fields):
            return f"bounds {stage.low} and {stage.high} cross"
        if isinstance(stage, FloatStage):
            try:
                stage.format.decode(value_of(stage.scale, fields))
            except ValueError as error:
                return str(error)
    return None
