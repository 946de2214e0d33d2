"""What a bench drives: a unit of a datapath, its pipelines, registers and widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from npusim.datapath import Datapath
from npusim.datapath.checks import StageWidth, derive_pipeline
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.datapath.stage_operands import Register, TableShape, registers, table_shape
from npusim.spec.convolution import ZeroPoint
from npusim.spec.elementwise import Choice, Combination
from npusim.spec.stages import field_name
from npusim.spec.width import Width
from npusim.vectors.bench.port import Direction, Port


class UnitKind(StrEnum):
    """Which bench and which modules."""

    MAC = "mac"
    """A tile of MAC columns, each with its rescale; or accumulators that are kept, and gone on from."""
    MATMUL = "matmul"
    """A tile of MAC columns both of whose operands are computed, each behind an operand pipeline."""
    COMBINE = "combine"
    """Operand pipelines, what combines them, a result pipeline."""
    PIPELINE = "pipeline"
    """One pipeline alone: a rescale, a table."""
    POOL = "pool"
    """A window, a position a clock: its greatest code, or its sum behind a pipeline."""
    RESIZE = "resize"
    """Four codes, blended, behind a pipeline."""
    RECODE = "recode"
    """A table from codes of any type to codes of any type."""
    CLAMP = "clamp"
    """Codes clipped to two others."""
    DIGIT = "digit"
    """Some bits of a code (A7)."""
    WALK = "walk"
    """A copy: addresses of an input's codes in the order of the output's."""


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
    part
        Its name in port maps and files, where the operation does not tell.
    operands
        How many operands a combining unit has.
    resumes, rescales
        Of MAC tiles: whether they go on from partial sums, whether a pipeline stands behind them.
    reads, makes
        Codes in and out, where they are not the datapath's activations.
    """

    kind: UnitKind
    operation: str
    datapath: Datapath
    role: PipelineRole = PipelineRole.RESULT
    columns: int = 1
    pipelined: bool = False
    part: str = ""
    operands: int = 2
    resumes: bool = False
    rescales: bool = True
    reads: Width | None = None
    makes: Width | None = None

    @property
    def name(self) -> str:
        """The unit's name in port maps, files and modules."""
        if self.part:
            return self.part
        return f"{self.operation}_{self.role}" if self.kind is UnitKind.PIPELINE else self.operation

    def widths(self, role: PipelineRole | None) -> list[StageWidth]:
        """The stages of one of its pipelines; none of a pipeline it does not have."""
        declared = self.operation in self.datapath.pipelines
        if role is None or not declared or role not in PIPELINES[self.operation].sources:
            return []
        return list(derive_pipeline(self.datapath, self.operation, role))

    @property
    def main(self) -> PipelineRole | None:
        """The pipeline that makes the unit's result; None: there is none."""
        if self.kind is UnitKind.PIPELINE:
            return self.role
        if not self.rescales:
            return None
        roles = PIPELINES[self.operation].sources if self.operation in PIPELINES else {}
        return PipelineRole.RESULT if PipelineRole.RESULT in roles else None

    @property
    def table(self) -> TableShape:
        """The table of the main pipeline; of a recoding unit, its own."""
        if self.kind is UnitKind.RECODE:
            return TableShape("table", 1 << self.code.bits, self.result.bits, self.result.signed)
        return table_shape(self.datapath, self.widths(self.main))

    @property
    def fields(self) -> list[Register]:
        """The registers that the main pipeline reads, and those of a MAC's zero points."""
        zeros = ("x_zero", "weight_zero") if self.kind is UnitKind.MAC else ()
        return self._registers(self.main, zeros)

    @property
    def operand_fields(self) -> list[Register]:
        """The registers that the operand pipeline reads, for each operand."""
        paired = self.kind in {UnitKind.COMBINE, UnitKind.MATMUL}
        return self._registers(PipelineRole.OPERAND) if paired else []

    def _registers(self, role: PipelineRole | None, others: Sequence[str] = ()) -> list[Register]:
        """Those that have bits, in the order of the bus."""
        operands = [operand for width in self.widths(role) for operand in width.stage.operands()]
        names = {field_name(operand) for operand in operands} | set(others)
        return [register for register in registers(self.datapath) if register.bits and register.name in names]

    @property
    def sides(self) -> list[str]:
        """The names of a combining unit's operands."""
        return ["a", "b"] if self.operation != "expansion" else [f"order_{i}" for i in range(self.operands)]

    @property
    def bypasses(self) -> bool:
        """Whether codes may pass by the operand pipeline (W7): concat, minimum, maximum."""
        joins = self.kind is UnitKind.PIPELINE and self.operation == "concat"
        return joins or (self.kind is UnitKind.COMBINE and self.combination in set(Choice))

    @property
    def combination(self) -> Combination | Choice | None:
        """What a combining unit does with two operands; None: it adds any number of them."""
        if self.operation == "expansion":
            return None
        if self.part in set(Choice):
            return Choice(self.part)
        return combination(self.operation)

    @property
    def code(self) -> Width:
        """The codes it reads."""
        return self.datapath.activation.register if self.reads is None else self.reads

    @property
    def result(self) -> Width:
        """The codes it makes."""
        return self.datapath.activation.register if self.makes is None else self.makes

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
        return self.result.bits

    @property
    def latency(self) -> int:
        """Clock edges between the last beat, or the inputs, and the reference's result."""
        if not self.pipelined:
            return 0
        stages = len(self.widths(self.main))
        return stages + (len(self.widths(PipelineRole.OPERAND)) if self.kind is UnitKind.COMBINE else 0)

    def ports(self) -> list[Port]:
        """All ports, the clock first."""
        from npusim.vectors.bench.unit_ports import ports

        return ports(self)


def combination(operation: str) -> Combination:
    """What add, sub and mul do with their operands."""
    return Combination(PIPELINES[operation].sources[PipelineRole.RESULT].value)


def subtracts(datapath: Datapath) -> bool:
    """Whether the MAC takes the activation's zero point off."""
    return datapath.mac.zero_point is ZeroPoint.SUBTRACT


__all__ = ["Direction", "Port", "Unit", "UnitKind", "combination", "subtracts"]
