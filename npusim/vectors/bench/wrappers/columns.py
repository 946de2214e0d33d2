"""MAC tiles: columns, what they go on from, a rescale for each."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.datapath.operations import PipelineRole
from npusim.datapath.stage_operands import Register
from npusim.vectors.bench.unit import Unit
from npusim.vectors.bench.unit_ports import SHIFT_BITS
from npusim.vectors.bench.wrappers.parts import bus, extended, joined, package_name, pipeline

_SHARED = ("LANES", "TREE_BITS", "TREE_OVERFLOW", "ACCUMULATOR_BITS", "ACCUMULATOR_OVERFLOW")
_MAC = ("WEIGHT_BITS", "WEIGHT_SIGNED", "ZERO_POINT_MODE", "BIAS_PLACE")


def mac(unit: Unit) -> Iterator[str]:
    """Columns with weights from a memory."""
    package, bits = package_name(unit), unit.bias_bits
    zeros = {r.name: r for r in unit.fields if r.name in {"x_zero", "weight_zero"}}
    if not unit.datapath.weight.zero_point:
        zeros.pop("weight_zero", None)
    zero_bits = max((register.bits for register in zeros.values()), default=0) + 1
    parameters = [f".{name}({package}::{name})" for name in _MAC]
    parameters += [f".ACTIVATION_BITS({unit.code.bits})", f".ACTIVATION_SIGNED(1'b{int(unit.code.signed)})"]
    parameters += [f".BEAT_BITS({_beat_bits(unit)})", f".BIAS_BITS({bits})", f".ZERO_BITS({zero_bits})"]
    held = unit.columns * unit.datapath.mac.accumulator.bits
    yield f"  logic [{unit.columns * zero_bits - 1}:0] x_zeros, weight_zeros;"
    yield f"  logic [{unit.columns * bits - 1}:0] loaded;"
    yield f"  logic [{held - 1}:0] held;"
    yield from _array(unit, parameters, ("activations", "weights"))
    yield from _columns(unit, [*_zeros(zeros, zero_bits), *_resumed(unit)])


def matmul(unit: Unit) -> Iterator[str]:
    """Columns both of whose operands come through the operand pipeline, lane by lane."""
    aligned = unit.widths(PipelineRole.OPERAND)[-1].reached.bits
    operand = unit.columns * unit.datapath.mac.lanes * aligned
    accumulator = unit.datapath.mac.accumulator.bits
    parameters = [f".ACTIVATION_BITS({aligned})", f".WEIGHT_BITS({aligned})", ".ZERO_BITS(1)"]
    parameters += [".ACTIVATION_SIGNED(1'b1)", ".WEIGHT_SIGNED(1'b1)", f".BIAS_BITS({accumulator})"]
    parameters.append(f".BEAT_BITS({2 * aligned + unit.datapath.mac.lanes.bit_length()})")
    yield f"  logic [{operand - 1}:0] a_lanes, b_lanes;"
    yield f"  logic [{unit.columns - 1}:0] x_zeros, weight_zeros;"
    yield f"  logic [{unit.columns * accumulator - 1}:0] loaded, held;"
    yield "  assign x_zeros = '0;"
    yield "  assign weight_zeros = '0;"
    yield "  assign loaded = '0;"
    yield "  assign held = '0;"
    yield "  genvar lane;"
    yield from _array(unit, parameters, ("a_lanes", "b_lanes"))
    yield from _columns(unit, [*_aligned_lanes(unit, aligned)])


def _beat_bits(unit: Unit) -> str:
    """The package's, unless the operand is a digit of the datapath's codes."""
    if unit.reads is None:
        return f"{package_name(unit)}::BEAT_BITS"
    mac, weight = unit.datapath.mac, unit.datapath.weight
    return str(unit.code.bits + weight.bits + 2 + mac.lanes.bit_length())


def _array(unit: Unit, parameters: list[str], operands: tuple[str, str]) -> Iterator[str]:
    package = package_name(unit)
    shared = [f".{name}({package}::{name})" for name in _SHARED if name != "TREE_BITS"]
    tree = f"{package}::TREE_BITS" if unit.datapath.mac.tree is not None else None
    beat = next(part for part in parameters if part.startswith(".BEAT_BITS"))
    shared.append(f".TREE_BITS({tree})" if tree else beat.replace(".BEAT_BITS", ".TREE_BITS"))
    yield "  npusim_mac_array #("
    yield joined([*shared, *parameters, f".COLUMNS({unit.columns})"])
    yield "  ) array ("
    yield "      .clk(clk), .valid(valid), .first(first), .last(last), .enable(enable),"
    yield f"      .activations({operands[0]}), .weights({operands[1]}), .x_zeros(x_zeros),"
    yield "      .weight_zeros(weight_zeros), .biases(loaded), .held(held), .accumulators(accumulators)"
    yield "  );"


def _columns(unit: Unit, inputs: list[str]) -> Iterator[str]:
    """What stands before and behind the array, column by column."""
    yield "  genvar column;"
    yield "  generate"
    yield f"    for (column = 0; column < {unit.columns}; column = column + 1) begin : g_column"
    yield from inputs
    if unit.main is not None:
        accumulator, bits = unit.datapath.mac.accumulator.bits, unit.result_bits
        value = f"accumulators[column*{accumulator} +: {accumulator}]"
        yield from bus(unit, "", "column")
        yield from pipeline(unit, unit.main, "rescale", value, "registers", "rescaled")
        yield f"      assign results[column*{bits} +: {bits}] = rescaled[{bits - 1}:0];"
    yield "    end"
    yield "  endgenerate"


def _zeros(zeros: dict[str, Register], bits: int) -> Iterator[str]:
    for name in ("x_zero", "weight_zero"):
        zero = f"{bits}'d0"
        if name in zeros:
            register = zeros[name]
            field = f"field_{name}[column*{register.bits} +: {register.bits}]"
            top = f"field_{name}[column*{register.bits}+{register.bits - 1}]" if register.signed else "1'b0"
            zero = f"{{{{{bits - register.bits}{{{top}}}}}, {field}}}"
        yield f"      assign {name}s[column*{bits} +: {bits}] = {zero};"


def _resumed(unit: Unit) -> Iterator[str]:
    """Where sums start: from the bias, or from a partial sum, shifted (A7)."""
    bias, accumulator = unit.bias_bits, unit.datapath.mac.accumulator.bits
    here = f"[column*{bias} +: {bias}]"
    there = f"[column*{accumulator} +: {accumulator}]"
    if not unit.resumes:
        yield f"      assign loaded{here} = bias{here};"
        yield f"      assign held{there} = {accumulator}'d0;"
        return
    package = package_name(unit)
    yield f"      logic signed [{accumulator - 1}:0] partial, start;"
    yield f"      logic signed [{bias - 1}:0] wanted, begun;"
    yield f"      assign partial = partial_sums{there};"
    yield f"      assign wanted = bias{here};"
    yield f"      assign loaded{here} = begun;"
    yield f"      assign held{there} = start;"
    yield "      npusim_resume #("
    names = ("ACCUMULATOR_BITS", "ACCUMULATOR_OVERFLOW", "BIAS_PLACE")
    parameters = [f".{name}({package}::{name})" for name in names]
    yield joined([*parameters, f".BIAS_BITS({bias})", f".SHIFT_BITS({SHIFT_BITS})"])
    yield "      ) resume ("
    yield "          .partial(partial), .amount(partial_shift), .bias(wanted), .held(start), .loaded(begun)"
    yield "      );"


def _aligned_lanes(unit: Unit, aligned: int) -> Iterator[str]:
    lanes, code = unit.datapath.mac.lanes, unit.code.bits
    entering = unit.widths(PipelineRole.OPERAND)[0].entering.bits
    for side, port in zip(unit.sides, ("activations", "weights"), strict=True):
        yield from bus(unit, f"{side}_", "column")
        yield f"      for (lane = 0; lane < {lanes}; lane = lane + 1) begin : g_{side}_lane"
        yield f"      logic [{code - 1}:0] code;"
        yield f"      assign code = {port}[(column*{lanes}+lane)*{code} +: {code}];"
        value = extended("code", unit.code, entering)
        yield from pipeline(unit, PipelineRole.OPERAND, "align", value, f"{side}_registers", "word")
        place = f"[(column*{lanes}+lane)*{aligned} +: {aligned}]"
        yield f"      assign {side}_lanes{place} = word[{aligned - 1}:0];"
        yield "      end"
