"""The bins of a MAC column as a SystemVerilog covergroup, for simulators that have functional coverage."""

from __future__ import annotations

from collections.abc import Iterator

from npusim.coverage.bin_text import literal
from npusim.coverage.column_bins import ColumnBin, ColumnKind, column_bins
from npusim.coverage.column_unit import ColumnUnit
from npusim.coverage.covergroups import WIDE, covergroup
from npusim.coverage.report import Report, Status
from npusim.datapath.systemverilog import identifier
from npusim.spec.interval import Interval

_SPARE_BITS = 3


def column_covergroup(unit: ColumnUnit, report: Report) -> str:
    """A module that samples a column's writes to its accumulator, for outputs of the unit's beats.

    Parameters
    ----------
    report
        Coverage of any vectors of the unit: it says which bins are unreachable.
    """
    bins, bits = column_bins(unit), _bits(unit)
    unreachable = {o.name for o in report.outcomes if o.status is Status.UNREACHABLE}
    module = f"{identifier(unit.datapath.name)}_{identifier(unit.name)}_coverage"
    lines = [
        f"// {unit.datapath.name}, {unit.name}: {len(bins)} bins, {len(unreachable)} of them unreachable.",
        f"module {module} (",
        *_ports(unit),
        ");",
        "",
        f"  typedef logic signed [{bits - 1}:0] {WIDE};",
        *_values(unit),
        "  int write, products, alone_beat, alone_lane;",
        "  bit clean, tree_fits, fits;",
        "",
        *covergroup("column", ((_point(one), one.name) for one in bins), unreachable),
        "",
        *_sampling(unit, bits),
    ]
    for index, one in enumerate(bins):
        if one.name not in unreachable:
            lines.append(f"      if ({column_bin_text(unit, one, bits)}) cover_column.sample({index});")
    return "\n".join([*lines, "      clean = clean && fits && tree_fits;", "    end", "", "endmodule", ""])


def column_bin_text(unit: ColumnUnit, one: ColumnBin, bits: int) -> str:
    """The expression that is true at the write that shows a bin."""
    end = unit.accumulator.high if one.high else unit.accumulator.low
    here, beyond = f"write == {one.place}", ">" if one.high else "<"
    match one.kind:
        case ColumnKind.FIRST_OVERFLOW:
            return f"{here} && clean && tree_fits && v_exact {beyond} {literal(end, bits)}"
        case ColumnKind.AT_END:
            return f"{here} && v_exact == {literal(end, bits)}"
        case ColumnKind.DISTANCE:
            sign = 1 if one.high else -1
            near, far = sorted(end + sign * distance for distance in one.values)
            inside = f"v_exact >= {literal(near, bits)} && v_exact <= {literal(far, bits)}"
            return f"{here} && tree_fits && {inside}"
        case ColumnKind.BEAT_SUM:
            return f"{here} && v_tree_exact == {literal(one.values[0], bits)}"
        case ColumnKind.BEAT_EXTREME:
            extreme = unit.beat.high if one.high else unit.beat.low
            return f"{here} && v_tree_exact == {literal(extreme, bits)}"
        case ColumnKind.TREE_OVERFLOW:
            return f"{here} && !tree_fits && v_tree_exact {'>' if one.high else '<='} {literal(0, bits)}"
        case ColumnKind.PAIR:
            x, w = (literal(value, bits) for value in one.values)
            beat = " && !late" if unit.late else ""
            return f"v_x_{one.place} == {x} && v_w_{one.place} == {w}{beat}"
        case ColumnKind.ALONE:
            alone = f"alone_beat == {one.place} && alone_lane == {one.values[0]}"
            return f"last && products == 1 && {alone}"
        case ColumnKind.REGISTER:
            return f"v_{one.register} == {literal(one.values[0], bits)}"


def _bits(unit: ColumnUnit) -> int:
    widest = max(unit.beat.bits, unit.accumulator.bits, unit.bias.bits)
    return widest + _SPARE_BITS


def _ports(unit: ColumnUnit) -> Iterator[str]:
    exact = Interval.of(unit.accumulator) + unit.beat.hull(unit.bias)
    yield "    input logic clk,"
    yield "    input logic valid,  // the accumulator is written"
    yield "    input logic first,  // by the first beat of an output"
    yield "    input logic last,  // by the last write of an output"
    if unit.late:
        yield "    input logic late,  // by the late bias"
    yield f"    input logic [{unit.lanes * unit.datapath.operand.bits - 1}:0] activations,  // lane 0 lowest"
    yield f"    input logic [{unit.lanes * unit.datapath.weight.bits - 1}:0] weights,"
    for name in ("bias", "x_zero", "weight_zero"):
        yield f"    {_declared(getattr(unit, name))} {name},"
    yield f"    {_declared(unit.beat)} tree_exact,  // the beat's sum, before the tree's register"
    yield f"    {_declared(exact)} exact  // the new sum, before the accumulator's register"


def _declared(values: Interval) -> str:
    if values.low < 0:
        return f"input logic signed [{values.bits - 1}:0]"
    return f"input logic [{max(1, values.high.bit_length()) - 1}:0]"


def _values(unit: ColumnUnit) -> Iterator[str]:
    """Everything as a signed word of one width."""
    for name in ("bias", "x_zero", "weight_zero", "tree_exact", "exact"):
        yield f"  {WIDE} v_{name};"
        yield f"  assign v_{name} = {WIDE}'({name});"
    codes = (
        ("x", "activations", unit.datapath.operand),
        ("w", "weights", unit.datapath.weight.register),
    )
    for lane in range(unit.lanes):
        for name, port, width in codes:
            cast = "$signed" if width.signed else "$unsigned"
            part = f"{port}[{lane * width.bits} +: {width.bits}]"
            yield f"  {WIDE} v_{name}_{lane};"
            yield f"  assign v_{name}_{lane} = {WIDE}'({cast}({part}));"


def _point(one: ColumnBin) -> str:
    """The condition that a bin is one place, or one value, of."""
    if one.kind is ColumnKind.REGISTER:
        return f"{one.register}_is"
    if one.kind is ColumnKind.PAIR:
        return f"{one.kind}_in_lane_{one.place}"
    if one.kind is ColumnKind.ALONE:
        return str(one.kind)
    return f"{one.kind}_{'high' if one.high else 'low'}"


def _sampling(unit: ColumnUnit, bits: int) -> Iterator[str]:
    """What is known of an output until now; the bins' expressions follow."""
    tree = unit.datapath.mac.column.tree
    yield "  always @(posedge clk)"
    yield "    if (valid) begin"
    yield "      write = first ? 0 : write + 1;"
    yield "      if (first) begin clean = 1'b1; products = 0; end"
    fits = "1'b1" if tree is None else _within("v_tree_exact", Interval.of(tree), bits)
    yield f"      tree_fits = {f'late || ({fits})' if unit.late else fits};"
    yield f"      fits = {_within('v_exact', Interval.of(unit.accumulator), bits)};"
    beat = "!late && " if unit.late else ""
    for lane in range(unit.lanes):
        makes = f"{beat}v_x_{lane} != v_x_zero && v_w_{lane} != v_weight_zero"
        noted = f"products = products + 1; alone_beat = write; alone_lane = {lane};"
        yield f"      if ({makes}) begin {noted} end"


def _within(value: str, allowed: Interval, bits: int) -> str:
    return f"{value} >= {literal(allowed.low, bits)} && {value} <= {literal(allowed.high, bits)}"
