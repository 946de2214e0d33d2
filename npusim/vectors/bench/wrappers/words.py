"""Units that make a word of one word of each input."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.datapath.operations import PipelineRole
from npusim.spec.elementwise import Choice, Combination
from npusim.spec.width import Width
from npusim.vectors.bench.unit import Unit
from npusim.vectors.bench.wrappers.parts import (
    bus,
    extended,
    joined,
    package_name,
    pipeline,
    prefix,
    scoped,
)

_CODES = {each: code for code, each in enumerate((*Combination, *Choice))}
"""The order of the COMBINE codes of ``npusim_codes``."""

_OPERAND, _RESULT = PipelineRole.OPERAND, PipelineRole.RESULT


def one(unit: Unit) -> Iterator[str]:
    """A pipeline alone; codes may pass it by where the unit joins inputs."""
    yield from scoped(_joined(unit) if unit.bypasses else _alone(unit))


def _alone(unit: Unit) -> Iterator[str]:
    yield from bus(unit, "", "0")
    yield from pipeline(unit, unit.role, "rescale", "value", "registers", "rescaled")
    yield f"      assign results = rescaled[{unit.result_bits - 1}:0];"


def _joined(unit: Unit) -> Iterator[str]:
    yield from _bypassed(unit, "", "value", "copied", "joined")
    yield f"      assign results = joined[{unit.result_bits - 1}:0];"


def _bypassed(unit: Unit, side: str, code: str, copied: str, result: str) -> Iterator[str]:
    """What stands behind an operand pipeline and its bypass; without a pipeline every code passes."""
    widths = unit.widths(_OPERAND)
    if not widths:
        yield f"      logic signed [{unit.code.bits}:0] {result};"
        yield f"      assign {result} = {extended(code, unit.code, unit.code.bits + 1)};"
        return
    word = f"{prefix(unit, _OPERAND)}_WORD_BITS"
    yield from bus(unit, side, "0")
    entering = widths[0].entering.bits
    value = extended(code, unit.code, entering)
    rescaled = f"{side or 'value_'}rescaled"
    yield from pipeline(unit, _OPERAND, f"{side}align", value, f"{side}registers", rescaled)
    yield f"      logic signed [{word}-1:0] {result};"
    yield "      npusim_bypass #("
    signed = int(unit.code.signed)
    yield joined([f".CODE_BITS({unit.code.bits})", f".CODE_SIGNED(1'b{signed})", f".WORD({word})"])
    yield f"      ) {side}bypass ("
    yield f"          .copied({copied}), .code({code}), .rescaled({rescaled}), .result({result})"
    yield "      );"


def combine(unit: Unit) -> Iterator[str]:
    """Operands, what combines them, a result pipeline where there is one."""
    yield from scoped(_orders(unit) if unit.combination is None else _pair(unit))


def _pair(unit: Unit) -> Iterator[str]:
    widths = unit.widths(_OPERAND)
    bits = widths[-1].reached.bits if widths else unit.code.bits + 1
    if unit.bypasses:
        bits = max(bits, unit.code.bits + 1)
        for side in unit.sides:
            yield from _bypassed(unit, f"{side}_", side, f"{side}_copied", f"{side}_word")
    else:
        for side in unit.sides:
            yield from bus(unit, f"{side}_", "0")
            value = extended(side, unit.code, widths[0].entering.bits)
            yield from pipeline(unit, _OPERAND, f"{side}_aligned", value, f"{side}_registers", f"{side}_word")
    for side in unit.sides:
        yield f"      logic signed [{bits - 1}:0] {side}_low;"
        yield f"      assign {side}_low = {side}_word[{bits - 1}:0];"
    combined = str(bits) if unit.main is None else f"{prefix(unit, _RESULT)}_INPUT_BITS"
    yield f"      logic signed [{combined}-1:0] combined;"
    yield "      npusim_add #("
    assert unit.combination is not None
    code = _CODES[unit.combination]
    yield f"          .COMBINATION({code}), .A_BITS({bits}), .RESULT_BITS({combined})"
    yield "      ) add ("
    yield "          .a(a_low), .b(b_low), .result(combined)"
    yield "      );"
    yield from _rescaled(unit)


def _orders(unit: Unit) -> Iterator[str]:
    """A7: as many accumulators as there are orders, each behind its pipeline, added exactly."""
    accumulator = Width(unit.datapath.mac.accumulator.bits)
    bits = unit.widths(_OPERAND)[-1].reached.bits + unit.operands.bit_length()
    entering = unit.widths(_OPERAND)[0].entering.bits
    yield f"      logic [{unit.operands * bits - 1}:0] terms;"
    yield f"      logic signed [{bits - 1}:0] total;"
    yield f"      logic signed [{prefix(unit, _RESULT)}_INPUT_BITS-1:0] combined;"
    for index, side in enumerate(unit.sides):
        value = extended(side, accumulator, entering)
        yield from bus(unit, f"{side}_", "0")
        yield from pipeline(unit, _OPERAND, f"{side}_aligned", value, f"{side}_registers", f"{side}_word")
        yield f"      logic signed [{bits - 1}:0] {side}_low;"
        yield f"      assign {side}_low = {side}_word;"
        yield f"      assign terms[{index * bits} +: {bits}] = {side}_low;"
    yield f"      npusim_orders #(.WORD({bits}), .ORDERS({unit.operands})) sum ("
    yield "          .terms(terms), .total(total)"
    yield "      );"
    yield "      assign combined = total;"
    yield from _rescaled(unit)


def _rescaled(unit: Unit) -> Iterator[str]:
    """From the signed word `combined` to results."""
    top = unit.result_bits - 1
    if unit.main is None:
        yield f"      assign results = combined[{top}:0];"
        return
    yield from bus(unit, "", "0")
    yield from pipeline(unit, unit.main, "rescale", "combined", "registers", "rescaled")
    yield f"      assign results = rescaled[{top}:0];"


def resize(unit: Unit) -> Iterator[str]:
    """Four codes blended, then rounded."""
    yield from scoped(_resize(unit))


def _resize(unit: Unit) -> Iterator[str]:
    bits = f"{prefix(unit, _RESULT)}_INPUT_BITS"
    weight = f"{package_name(unit)}::FIELD_RESIZE_WEIGHT_BITS"
    signed = int(unit.code.signed)
    yield f"      logic signed [{bits}-1:0] combined;"
    yield "      npusim_blend #("
    yield joined([f".CODE_BITS({unit.code.bits})", f".CODE_SIGNED(1'b{signed})", f".WEIGHT_BITS({weight})"])
    yield f"          , .RESULT_BITS({bits})"
    yield "      ) blend ("
    yield "          .corners(corners), .row_weight(row_weight), .column_weight(column_weight),"
    yield "          .blended(combined)"
    yield "      );"
    yield from _rescaled(unit)


def recode(unit: Unit) -> Iterator[str]:
    """A table alone."""
    table = unit.table
    word = max(unit.code.bits, table.bits) + 3
    parameters = [f".WORD({word})", f".INDEX_BITS({unit.code.bits})", f".ENTRIES({table.entries})"]
    parameters += [f".INDEX_SIGNED(1'b{int(unit.code.signed)})", f".ENTRY_BITS({table.bits})"]
    parameters.append(f".ENTRY_SIGNED(1'b{int(table.signed)})")
    yield f"  logic signed [{word - 1}:0] extended, found;"
    yield f"  assign extended = {extended('value', unit.code, word)};"
    yield "  npusim_table #("
    yield joined(parameters)
    yield "  ) lookup ("
    yield "      .value(extended), .entries(entries), .result(found)"
    yield "  );"
    yield f"  assign results = found[{unit.result_bits - 1}:0];"


def clamp(unit: Unit) -> Iterator[str]:
    """One stage alone, its bounds codes."""
    word = unit.code.bits + 2
    signals = {"value": "extended", "low": "least", "high": "most"}
    yield f"  logic signed [{word - 1}:0] extended, least, most, found;"
    for port, signal in signals.items():
        yield f"  assign {signal} = {extended(port, unit.code, word)};"
    parameters = [f".WORD({word})", ".KIND(npusim_codes::STAGE_CLAMP)", f".BITS({word - 1})"]
    yield "  npusim_stage #("
    yield joined(parameters)
    yield "  ) clamp ("
    yield f"      .value(extended), .operand_0(least), .operand_1(most), .operand_sum({word}'d0),"
    yield "      .entries(1'b0), .result(found)"
    yield "  );"
    yield f"  assign results = found[{unit.result_bits - 1}:0];"


def digit(unit: Unit) -> Iterator[str]:
    """A digit of a code."""
    yield f"  npusim_digit #(.CODE_BITS({unit.code.bits}), .DIGIT_BITS({unit.result_bits})) digit ("
    yield "      .code(value), .low(lowest_bit), .digit(results)"
    yield "  );"
