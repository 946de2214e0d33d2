"""What wrappers are made of: a pipeline's instance, the register bus, codes as signed words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npusim.datapath.operations import PipelineRole
from npusim.datapath.stage_operands import registers
from npusim.datapath.systemverilog import identifier
from npusim.spec.width import Width
from npusim.vectors.bench.unit import Unit

_PIPELINE_PARAMETERS = (
    *("STAGES", "INPUT_BITS", "OPERANDS", "KINDS", "BITS", "SIGNS", "ROUNDINGS", "OVERFLOWS"),
    *("OPERAND_FIELDS", "OPERAND_NEGATIVE", "OPERAND_CONSTANTS", "TO_BITS", "TO_SIGNS", "INDEX_BITS"),
    *("FRACTION_BITS", "INDEX_SIGNS", "TABLE_ENTRIES", "TABLE_BITS", "TABLE_SIGNED"),
)
_BUS_PARAMETERS = ("REGISTERS", "REGISTER_BITS", "REGISTER_OFFSETS", "REGISTER_WIDTHS", "REGISTER_SIGNS")


def package_name(unit: Unit) -> str:
    """The package of `npusim datapath sv`."""
    return f"{identifier(unit.datapath.name)}_pkg"


def prefix(unit: Unit, role: PipelineRole) -> str:
    """What the package's names of a pipeline begin with."""
    return f"{package_name(unit)}::{f'{unit.operation}_{role}'.upper()}"


def pipeline(unit: Unit, role: PipelineRole, name: str, value: str, bus: str, result: str) -> Iterator[str]:
    """One pipeline; its result is the signed word `result`, which is declared here.

    Yosys takes signed wires for signed ports, but no ``$signed``.
    """
    package, names = package_name(unit), prefix(unit, role)
    parameters = [f".WORD({names}_WORD_BITS)", f".PIPELINED(1'b{int(unit.pipelined)})"]
    parameters += [f".{suffix}({package}::{suffix})" for suffix in _BUS_PARAMETERS]
    parameters += [f".{suffix}({names}_{suffix})" for suffix in _PIPELINE_PARAMETERS]
    tabled = unit.table.field is not None and role is unit.main
    entries = "entries" if tabled else f"{{{names}_TABLE_ENTRIES*{names}_TABLE_BITS{{1'b0}}}}"
    yield f"      logic signed [{names}_INPUT_BITS-1:0] {name}_input;"
    yield f"      logic signed [{names}_WORD_BITS-1:0] {result};"
    yield f"      assign {name}_input = {value};"
    yield "      npusim_pipeline #("
    yield joined(parameters)
    yield f"      ) {name} ("
    yield f"          .clk(clk), .value({name}_input), .registers({bus}),"
    yield f"          .entries({entries}), .result({result})"
    yield "      );"


def bus(unit: Unit, side: str, column: str) -> Iterator[str]:
    """A register bus gathered from field ports: the last field stands highest; what is not read is 0."""
    used = unit.operand_fields if side else unit.fields
    parts = [
        f"{side}field_{r.name}[{column}*{r.bits} +: {r.bits}]" if r in used else f"{{{r.bits}{{1'b0}}}}"
        for r in reversed(registers(unit.datapath))
        if r.bits
    ]
    one_zero = "1'b0"
    yield f"      logic [{package_name(unit)}::REGISTER_BITS-1:0] {side}registers;"
    yield f"      assign {side}registers = {{{', '.join(parts) or one_zero}}};"


def extended(signal: str, width: Width, bits: int) -> str:
    """A code as the signed word of so many bits that it means."""
    if bits == width.bits:
        return signal
    top = f"{signal}[{width.bits - 1}]" if width.signed else "1'b0"
    return f"{{{{{bits - width.bits}{{{top}}}}}, {signal}}}"


def joined(parts: Sequence[str]) -> str:
    """Parameters, one a line."""
    return ",\n".join(f"          {part}" for part in parts)


def scoped(lines: Iterator[str]) -> Iterator[str]:
    """Declarations in a scope of their own: their names may be those of ports."""
    yield "  generate"
    yield "    if (1) begin : g_unit"
    yield from lines
    yield "    end"
    yield "  endgenerate"
