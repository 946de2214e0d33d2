"""The reference RTL of a unit behind the bench's ports: the module ``npusim_dut``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from npusim.datapath.operations import PipelineRole
from npusim.datapath.stage_operands import Register, registers
from npusim.datapath.systemverilog import identifier
from npusim.vectors.bench.unit import Port, Unit, UnitKind, combination

_PIPELINE_PARAMETERS = (
    *("STAGES", "INPUT_BITS", "OPERANDS", "KINDS", "BITS", "SIGNS", "ROUNDINGS", "OVERFLOWS"),
    *("OPERAND_FIELDS", "OPERAND_NEGATIVE", "OPERAND_CONSTANTS", "TO_BITS", "TO_SIGNS", "INDEX_BITS"),
    *("FRACTION_BITS", "INDEX_SIGNS", "TABLE_ENTRIES", "TABLE_BITS", "TABLE_SIGNED"),
)
_BUS_PARAMETERS = ("REGISTERS", "REGISTER_BITS", "REGISTER_OFFSETS", "REGISTER_WIDTHS", "REGISTER_SIGNS")
_COLUMN_PARAMETERS = (
    *("LANES", "ACTIVATION_BITS", "ACTIVATION_SIGNED", "WEIGHT_BITS", "WEIGHT_SIGNED"),
    *("ZERO_POINT_MODE", "BEAT_BITS", "TREE_BITS", "TREE_OVERFLOW", "ACCUMULATOR_BITS"),
    *("ACCUMULATOR_OVERFLOW", "BIAS_PLACE"),
)


def wrapper(unit: Unit) -> str:
    """The text of ``npusim_dut``: reference modules with the parameters of the emitted package."""
    body = {UnitKind.MAC: _mac, UnitKind.COMBINE: _combine, UnitKind.PIPELINE: _pipeline}[unit.kind]
    lines = [f"// {unit.datapath.name}, {unit.name}: the reference RTL behind the bench's ports."]
    return "\n".join([*lines, *module_head(unit.ports()), "", *body(unit), "", "endmodule", ""])


def module_head(ports: Sequence[Port]) -> list[str]:
    """The head of ``npusim_dut``."""
    declared = [f"    {port.direction} logic [{port.bits - 1}:0] {port.name}" for port in ports]
    return ["module npusim_dut (", ",\n".join(declared), ");"]


def package_name(unit: Unit) -> str:
    """The package of `npusim datapath sv`."""
    return f"{identifier(unit.datapath.name)}_pkg"


def _mac(unit: Unit) -> Iterator[str]:
    package = package_name(unit)
    zeros = {r.name: r for r in unit.fields if r.name in {"x_zero", "weight_zero"}}
    if not unit.datapath.weight.zero_point:
        zeros.pop("weight_zero", None)
    zero_bits = max((register.bits for register in zeros.values()), default=0) + 1
    parameters = [f".{name}({package}::{name})" for name in _COLUMN_PARAMETERS]
    parameters += [f".COLUMNS({unit.columns})", f".BIAS_BITS({unit.bias_bits})", f".ZERO_BITS({zero_bits})"]
    yield f"  logic [{unit.columns * zero_bits - 1}:0] x_zeros, weight_zeros;"
    yield "  npusim_mac_array #("
    yield _joined(parameters)
    yield "  ) array ("
    yield "      .clk(clk), .valid(valid), .first(first), .last(last), .enable(enable),"
    yield "      .activations(activations), .weights(weights), .x_zeros(x_zeros),"
    yield "      .weight_zeros(weight_zeros), .biases(bias), .accumulators(accumulators)"
    yield "  );"
    yield "  genvar column;"
    yield "  generate"
    yield f"    for (column = 0; column < {unit.columns}; column = column + 1) begin : g_column"
    yield from _bus(unit, "", "column")
    for name in ("x_zero", "weight_zero"):
        zero = _extended(zeros.get(name), zero_bits)
        yield f"      assign {name}s[column*{zero_bits} +: {zero_bits}] = {zero};"
    accumulator = unit.datapath.mac.accumulator.bits
    value = f"accumulators[column*{accumulator} +: {accumulator}]"
    yield from _instance(unit, unit.main, "rescale", value, "registers", "rescaled")
    bits = unit.result_bits
    yield f"      assign results[column*{bits} +: {bits}] = rescaled[{bits - 1}:0];"
    yield "    end"
    yield "  endgenerate"


def _combine(unit: Unit) -> Iterator[str]:
    operand, result = PipelineRole.OPERAND, PipelineRole.RESULT
    bits = unit.widths(operand)[-1].reached.bits
    entering = f"{package_name(unit)}::{f'{unit.operation}_{result}'.upper()}"
    yield "  generate"
    yield "    if (1) begin : g_unit"
    for side in ("a", "b"):
        yield from _bus(unit, f"{side}_", "0")
        yield from _instance(unit, operand, f"{side}_aligned", _code(unit, side), f"{side}_registers", side)
    yield from _bus(unit, "", "0")
    yield f"      logic signed [{entering}_INPUT_BITS-1:0] combined;"
    yield f"      logic signed [{bits - 1}:0] a_low, b_low;"
    yield f"      assign a_low = a_word[{bits - 1}:0];"
    yield f"      assign b_low = b_word[{bits - 1}:0];"
    code = list(type(combination(unit.operation))).index(combination(unit.operation))
    yield "      npusim_add #("
    yield f"          .COMBINATION({code}), .A_BITS({bits}), .RESULT_BITS({entering}_INPUT_BITS)"
    yield "      ) add ("
    yield "          .a(a_low), .b(b_low), .result(combined)"
    yield "      );"
    yield from _instance(unit, result, "rescale", "combined", "registers", "rescaled")
    yield f"      assign results = rescaled[{unit.result_bits - 1}:0];"
    yield "    end"
    yield "  endgenerate"


def _pipeline(unit: Unit) -> Iterator[str]:
    yield "  generate"
    yield "    if (1) begin : g_unit"
    yield from _bus(unit, "", "0")
    yield from _instance(unit, unit.main, "rescale", "value", "registers", "rescaled")
    yield f"      assign results = rescaled[{unit.result_bits - 1}:0];"
    yield "    end"
    yield "  endgenerate"


def _instance(unit: Unit, role: PipelineRole, name: str, value: str, bus: str, result: str) -> Iterator[str]:
    """One pipeline; its result is the signed word `result` (`<result>_word` where that is a port).

    Yosys takes signed wires for signed ports, but no ``$signed``.
    """
    package = package_name(unit)
    prefix = f"{package}::{f'{unit.operation}_{role}'.upper()}"
    word = f"{result}_word" if result in {"a", "b"} else result
    parameters = [f".WORD({prefix}_WORD_BITS)", f".PIPELINED(1'b{int(unit.pipelined)})"]
    parameters += [f".{suffix}({package}::{suffix})" for suffix in _BUS_PARAMETERS]
    parameters += [f".{suffix}({prefix}_{suffix})" for suffix in _PIPELINE_PARAMETERS]
    tabled = unit.table.field is not None and role is unit.main
    yield f"      logic signed [{prefix}_INPUT_BITS-1:0] {name}_input;"
    yield f"      logic signed [{prefix}_WORD_BITS-1:0] {word};"
    yield f"      assign {name}_input = {value};"
    yield "      npusim_pipeline #("
    yield _joined(parameters)
    yield f"      ) {name} ("
    yield f"          .clk(clk), .value({name}_input), .registers({bus}),"
    yield f"          .entries({'entries' if tabled else _no_table(prefix)}), .result({word})"
    yield "      );"


def _no_table(prefix: str) -> str:
    return f"{{{prefix}_TABLE_ENTRIES*{prefix}_TABLE_BITS{{1'b0}}}}"


def _bus(unit: Unit, side: str, column: str) -> Iterator[str]:
    """A register bus gathered from field ports: the last field stands highest; what is not read is 0."""
    read = unit.operand_fields if side else unit.fields
    parts = [
        f"{side}field_{r.name}[{column}*{r.bits} +: {r.bits}]" if r in read else f"{{{r.bits}{{1'b0}}}}"
        for r in reversed(registers(unit.datapath))
        if r.bits
    ]
    one_zero = "1'b0"
    yield f"      logic [{package_name(unit)}::REGISTER_BITS-1:0] {side}registers;"
    yield f"      assign {side}registers = {{{', '.join(parts) or one_zero}}};"


def _extended(register: Register | None, bits: int) -> str:
    if register is None:
        return f"{bits}'d0"
    field = f"field_{register.name}[column*{register.bits} +: {register.bits}]"
    top = f"field_{register.name}[column*{register.bits}+{register.bits - 1}]" if register.signed else "1'b0"
    return f"{{{{{bits - register.bits}{{{top}}}}}, {field}}}"


def _code(unit: Unit, side: str) -> str:
    """A code as the word that enters an operand pipeline."""
    return side if unit.datapath.activation.signed else f"{{1'b0, {side}}}"


def _joined(parts: Sequence[str]) -> str:
    return ",\n".join(f"          {part}" for part in parts)
