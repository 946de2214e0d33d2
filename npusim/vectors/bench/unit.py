"""What a bench drives: a unit of a datapath, and its ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from npusim.datapath import Datapath
from npusim.datapath.checks import StageWidth, derive_pipeline
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.datapath.stage_operands import Register, TableShape, registers, table_shape
from npusim.spec.convolution import ZeroPoint
from npusim.spec.elementwise import Combination
from npusim.spec.stages import field_name


class UnitKind(StrEnum):
    """Which bench and which modules."""

    MAC = "mac"
    """A tile of MAC columns, each with its rescale."""
    COMBINE = "combine"
    """Two operand pipelines, their combination, a result pipeline."""
    PIPELINE = "pipeline"
    """One pipeline alone: a rescale, a table."""


class Direction(StrEnum):
    """Of a port, seen from the unit."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True)
class Port:
    """A port of the unit; every column has its own part of it, column 0 lowest."""

    name: str
    direction: Direction
    bits: int


@dataclass(frozen=True)
class Unit:
    """One thing to build and run.

    Attributes
    ----------
    operation
        Whose pipelines it has, such as ``mac`` or ``add``; fallbacks already followed.
    role
        Of a pipeline unit: which of the operation's pipelines.
    columns
        Outputs side by side; 1 but for MAC tiles.
    pipelined
        Whether the reference has a register behind every stage.
    """

    kind: UnitKind
    operation: str
    datapath: Datapath
    role: PipelineRole = PipelineRole.RESULT
    columns: int = 1
    pipelined: bool = False

    @property
    def name(self) -> str:
        """The unit's name in files and modules."""
        return f"{self.operation}_{self.role}" if self.kind is UnitKind.PIPELINE else self.operation

    def widths(self, role: PipelineRole) -> list[StageWidth]:
        """The stages of one of its pipelines."""
        return list(derive_pipeline(self.datapath, self.operation, role))

    @property
    def main(self) -> PipelineRole:
        """The pipeline that makes the unit's result."""
        return self.role if self.kind is UnitKind.PIPELINE else PipelineRole.RESULT

    @property
    def table(self) -> TableShape:
        """The table of the main pipeline."""
        return table_shape(self.datapath, self.widths(self.main))

    @property
    def fields(self) -> list[Register]:
        """The registers that the main pipeline reads, and those of a MAC's zero points."""
        zeros = ("x_zero", "weight_zero") if self.kind is UnitKind.MAC else ()
        return self._registers(self.main, zeros)

    @property
    def operand_fields(self) -> list[Register]:
        """The registers that the operand pipeline of a combining unit reads, for each operand."""
        return self._registers(PipelineRole.OPERAND) if self.kind is UnitKind.COMBINE else []

    def _registers(self, role: PipelineRole, others: Sequence[str] = ()) -> list[Register]:
        """Those that have bits, in the order of the bus."""
        operands = [operand for width in self.widths(role) for operand in width.stage.operands()]
        names = {field_name(operand) for operand in operands} | set(others)
        return [register for register in registers(self.datapath) if register.bits and register.name in names]

    @property
    def input_bits(self) -> int:
        """Width of what enters the main pipeline."""
        return self.widths(self.main)[0].entering.bits

    @property
    def bias_bits(self) -> int:
        """Width of a bias word, as the vector files have it."""
        return max(self.datapath.mac.accumulator.bits, self.datapath.mac.bias.bits)

    @property
    def result_bits(self) -> int:
        """Width of the result: a code."""
        return self.datapath.activation.bits

    @property
    def latency(self) -> int:
        """Clock edges between the last beat, or the inputs, and the reference's result."""
        if not self.pipelined:
            return 0
        stages = len(self.widths(self.main))
        return stages + (len(self.widths(PipelineRole.OPERAND)) if self.kind is UnitKind.COMBINE else 0)

    def ports(self) -> list[Port]:
        """All ports, the clock first."""
        return [Port("clk", Direction.INPUT, 1), Port("reset", Direction.INPUT, 1), *self._data_ports()]

    def _data_ports(self) -> Iterator[Port]:
        columns, lanes, code = self.columns, self.datapath.mac.lanes, self.datapath.activation.bits
        if self.kind is UnitKind.MAC:
            for name in ("valid", "first", "last"):
                yield Port(name, Direction.INPUT, 1)
            yield Port("enable", Direction.INPUT, columns)
            yield Port("activations", Direction.INPUT, columns * lanes * code)
            yield Port("weights", Direction.INPUT, columns * lanes * self.datapath.weight.bits)
            yield Port("bias", Direction.INPUT, columns * self.bias_bits)
        elif self.kind is UnitKind.COMBINE:
            for operand in ("a", "b"):
                yield Port(operand, Direction.INPUT, code)
                for field in self.operand_fields:
                    yield Port(f"{operand}_field_{field.name}", Direction.INPUT, field.bits)
        else:
            yield Port("value", Direction.INPUT, self.input_bits)
        for field in self.fields:
            yield Port(f"field_{field.name}", Direction.INPUT, columns * field.bits)
        if self.table.field is not None:
            yield Port("entries", Direction.INPUT, self.table.entries * self.table.bits)
        if self.kind is UnitKind.MAC:
            yield Port("accumulators", Direction.OUTPUT, columns * self.datapath.mac.accumulator.bits)
        yield Port("results", Direction.OUTPUT, columns * self.result_bits)


def combination(operation: str) -> Combination:
    """What add, sub and mul do with their operands."""
    return Combination(PIPELINES[operation].sources[PipelineRole.RESULT].value)


def subtracts(datapath: Datapath) -> bool:
    """Whether the MAC takes the activation's zero point off."""
    return datapath.mac.zero_point is ZeroPoint.SUBTRACT
