"""Pools, and copies: units that step through positions and places."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.vectors.bench.unit import Unit
from npusim.vectors.bench.unit_ports import WALK_REGISTERS, averages
from npusim.vectors.bench.wrappers.parts import bus, extended, joined, pipeline
from npusim.vectors.walk import FRACTION_BITS, WALK_AXES


def pool(unit: Unit) -> Iterator[str]:
    """A window's greatest code, or its sum behind the pipeline."""
    bits = unit.datapath.mac.accumulator.bits if averages(unit) else unit.code.bits + 1
    code = unit.code.bits
    parameters = [f".MAXIMUM(1'b{int(not averages(unit))})", f".CODE_BITS({code})"]
    parameters += [f".CODE_SIGNED(1'b{int(unit.code.signed)})", f".SUM_BITS({bits})"]
    yield f"  logic signed [{code}:0] zero;"
    yield f"  logic signed [{bits - 1}:0] pooled;"
    yield f"  assign zero = {extended('x_zero', unit.code, code + 1) if averages(unit) else '0'};"
    yield "  npusim_pool #("
    yield joined(parameters)
    yield "  ) pool ("
    yield "      .clk(clk), .valid(valid), .first(first), .in_image(in_image), .code(code), .x_zero(zero),"
    yield "      .pooled(pooled)"
    yield "  );"
    if unit.main is None:
        yield f"  assign results = pooled[{unit.result_bits - 1}:0];"
        return
    yield "  assign accumulators = pooled;"
    yield "  generate"
    yield "    if (1) begin : g_unit"
    yield from bus(unit, "", "0")
    yield from pipeline(unit, unit.main, "rescale", "pooled", "registers", "rescaled")
    yield f"      assign results = rescaled[{unit.result_bits - 1}:0];"
    yield "    end"
    yield "  endgenerate"


def walk(unit: Unit) -> Iterator[str]:
    """Addresses and padding."""
    parameters = [f".AXES({WALK_AXES})", f".CODE_BITS({unit.code.bits})", f".FRACTION_BITS({FRACTION_BITS})"]
    connected = ", ".join(f".{name}({name})" for name in WALK_REGISTERS)
    yield "  logic in_image;"
    yield "  npusim_walk #("
    yield joined(parameters)
    yield "  ) walk ("
    yield f"      .clk(clk), .start(start), .advance(advance), {connected},"
    yield "      .pad(pad), .data(data), .address(address), .in_image(in_image), .result(results)"
    yield "  );"
