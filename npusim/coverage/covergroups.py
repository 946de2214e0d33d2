"""The bins of a pipeline as SystemVerilog covergroups, for simulators that have functional coverage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from npusim.coverage import bin_text
from npusim.coverage.all_units import pipeline_units
from npusim.coverage.bins import Bin
from npusim.coverage.report import Report, Status
from npusim.coverage.stage_bins import pipeline_bins
from npusim.coverage.unit import PipelineUnit
from npusim.datapath import Datapath
from npusim.datapath.stage_operands import registers
from npusim.datapath.systemverilog import identifier
from npusim.spec.events import Event
from npusim.spec.interval import Interval

WIDE = "wide_t"


@dataclass(frozen=True)
class Sampled:
    """One input of the module: what it is of, and the values it takes."""

    name: str
    values: Interval
    comment: str

    def port(self) -> str:
        """Its declaration."""
        signed = self.values.low < 0
        bits = self.values.bits if signed else max(1, self.values.high.bit_length())
        return f"input logic {'signed ' if signed else ''}[{bits - 1}:0] {self.name}"


def covergroups(unit: PipelineUnit, report: Report) -> str:
    """A module that samples a pipeline's stages: a covergroup a stage, a coverpoint a condition.

    Bins have the names of the rules; what is certified unreachable is ignored. Whoever binds the
    module connects what enters each stage, the registers, and `valid`.

    Parameters
    ----------
    report
        Coverage of any vectors of the unit: it says which bins are unreachable.
    """
    bins = pipeline_bins(unit)
    unreachable = {o.name for o in report.outcomes if o.status is Status.UNREACHABLE}
    module = f"{identifier(unit.datapath.name)}_{identifier(unit.name)}_coverage"
    bits = bin_text.bits_of(unit, bins)
    texts = {one.name: bin_text.bin_text(one, bits) for one in bins if one.name not in unreachable}
    inputs = sampled(unit, texts.values())
    stages: dict[str, list[tuple[int, Bin]]] = {}
    for index, one in enumerate(bins):
        stages.setdefault(_situation(unit, one)[0], []).append((index, one))
    lines = [
        f"// {unit.datapath.name}, {unit.name}: {len(bins)} bins, {len(unreachable)} of them unreachable.",
        f"module {module} (",
        "    input logic clk,",
        "    input logic valid,  // all other inputs belong to one value",
        *_ports(inputs),
        ");",
        "",
        f"  typedef logic signed [{bits - 1}:0] {WIDE};",
    ]
    for each in inputs:
        lines += [f"  {WIDE} v_{each.name};", f"  assign v_{each.name} = {WIDE}'({each.name});"]
    for group, members in stages.items():
        named = ((point_of(_situation(unit, one)[1]), one.name) for _, one in members)
        lines += ["", *covergroup(group, named, unreachable, [index for index, _ in members])]
    lines += ["", "  always @(posedge clk)", "    if (valid) begin"]
    for group, members in stages.items():
        for index, one in members:
            if one.name not in unreachable:
                lines.append(f"      if ({texts[one.name]}) cover_{group}.sample({index});")
    return "\n".join([*lines, "    end", "", "endmodule", "", *_binding(unit, module, inputs), ""])


def covergroups_of(datapath: Datapath, operation: str | None, reports: Iterable[Report]) -> str:
    """A module for each pipeline that has a report; `operation`: those of one operation."""
    found = {report.unit: report for report in reports}
    units = [unit for unit in pipeline_units(datapath, operation) if unit.name in found]
    return "\n".join(covergroups(unit, found[unit.name]) for unit in units)


def sampled(unit: PipelineUnit, texts: Iterable[str]) -> list[Sampled]:
    """The inputs that expressions look at, in the order of the stages; then registers."""
    wanted = {name for text in texts for name in re.findall(r"v_(\w+)", text)}
    found = []
    value = unit.entering
    for index, stage in enumerate(unit.stages):
        exact = stage.exact_reach(value, unit.ranges)
        found.append(Sampled(bin_text.entering(index), value, f"what enters stage {index}, {stage.stage}"))
        found.append(Sampled(bin_text.exact(index), exact, f"what stage {index} makes, before its register"))
        found += [
            Sampled(bin_text.event(index, event), Interval(0, 1), f"whether stage {index} reports it")
            for event in Event
        ]
        value = stage.reach(value, unit.ranges)
    found += [Sampled(bin_text.register(name), unit.ranges[name], f"register {name}") for name in unit.names]
    return [one for one in found if one.name in wanted]


def point_of(what: str) -> str:
    """The condition that a bin is one value of.

    Examples
    --------
    >>> point_of("tie_negative.by_7"), point_of("shift_is_0"), point_of("below_low")
    ('tie_negative_by', 'shift_is', 'below_low')
    """
    return identifier(re.sub(r"(?:^|[._])-?\d+(?![A-Za-z]).*$", "", what)) or "corners"


def bin_name(name: str) -> str:
    """A rule's identifier as a bin's name.

    Examples
    --------
    >>> bin_name("W4.mac.result.4_clamp.low_is_-128")
    'W4_mac_result_4_clamp_low_is_minus_128'
    """
    return identifier(name.replace("_-", "_minus_").replace(".-", "_minus_"))


def _situation(unit: PipelineUnit, one: Bin) -> tuple[str, str]:
    """The stage and what happens there, from a bin's name."""
    _, _, rest = one.name.partition(f".{unit.name}.")
    stage, _, what = rest.partition(".")
    return stage, what


def _ports(inputs: Sequence[Sampled]) -> Iterator[str]:
    width = max(len(one.port()) for one in inputs) + 1
    for index, one in enumerate(inputs):
        comma = "," if index + 1 < len(inputs) else ""
        yield f"    {one.port() + comma:{width}}  // {one.comment}"


def _binding(unit: PipelineUnit, module: str, inputs: Sequence[Sampled]) -> Iterator[str]:
    """How it is bound to the reference RTL, as a comment."""
    places = {bin_text.register(one.name): one for one in registers(unit.datapath)}
    yield "// On the reference RTL, for an instance of npusim_pipeline without registers between its stages:"
    yield f"// bind <instance> {module} coverage ("
    yield "//   .clk(clk), .valid(<a value is there>),"
    for index, one in enumerate(inputs):
        kind, _, rest = one.name.partition("_")
        place = places.get(one.name)
        source = {
            "entering": f"g_stage[{rest}].entering",
            "exact": f"g_stage[{rest}].compute.exact",
            "event": "<yours>",
        }.get(kind, "" if place is None else f"registers[{place.offset} +: {place.bits}]")
        yield f"//   .{one.name}({source}){',' if index + 1 < len(inputs) else ''}"
    yield "// );"


def covergroup(
    name: str, bins: Iterable[tuple[str, str]], unreachable: set[str], numbers: Iterable[int] | None = None
) -> Iterator[str]:
    """A covergroup that is sampled with a bin's number, and its instance ``cover_<name>``.

    Parameters
    ----------
    bins
        (coverpoint, rule identifier) of each.
    numbers
        Of the bins; None: from 0.
    """
    points: dict[str, list[tuple[int, str]]] = {}
    for index, (point, rule) in zip(numbers or count(), bins, strict=False):
        points.setdefault(point, []).append((index, rule))
    yield f"  covergroup g_{name} with function sample(int unsigned situation);"
    yield "    option.per_instance = 1;"
    for point, members in points.items():
        yield f"    {point}: coverpoint situation {{"
        for index, rule in members:
            kind = "ignore_bins" if rule in unreachable else "bins"
            yield f"      {kind} {bin_name(rule)} = {{{index}}};"
        yield "    }"
    yield "  endgroup"
    yield f"  g_{name} cover_{name} = new;"
