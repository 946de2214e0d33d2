"""A C program that answers a unit's cases by the C reference: a stand-in for a device under test."""

from __future__ import annotations

from collections.abc import Iterator
from string import Template

from npusim.coverage import PipelineUnit
from npusim.datapath.systemverilog import identifier
from npusim.vectors.c_reference import fields_read, function_name
from npusim.vectors.units.column import ColumnVectors
from npusim.vectors.units.combine import CombineVectors
from npusim.vectors.units.pipeline import PipelineVectors
from npusim.vectors.units.ports import slices
from npusim.vectors.units.unit import VectorUnit


class _Text(Template):
    delimiter = "@"


_PROGRAM = _Text("""\
/* Answers the cases of @unit: npusim vectors --datapath ... --unit ... | ./device | npusim vectors verify
 * Put your own model in the place of `answer`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "@reference.h"

static char line[1 << 22];
static long long in[@inputs];
@tables
/* The inputs of a case stand in `in`, in the order of the header. */
static long long answer(void) {
@answer
}

static void keep(void) {
@keep
}

int main(void) {
    while (fgets(line, sizeof line, stdin)) {
        char *at = line;
        int index;
        if (line[0] == '#') {
            keep();
            fputs(line, stdout);
            continue;
        }
        line[strcspn(line, "\\r\\n")] = 0;
        for (index = 0; index < @inputs; index++) in[index] = strtoll(at, &at, 10);
        printf("%s : %lld\\n", line, answer());
    }
    return 0;
}
""")

_KEEP = _Text("""\
    if (!strncmp(line, "# table @name ", @length)) {
        char *at = line + @length;
        int index;
        for (index = 0; index < @entries; index++) @array[index] = strtoll(at, &at, 10);
    }""")


def c_device(unit: VectorUnit) -> str:
    """The program's text; it is compiled with the reference that `c_reference` makes."""
    arrays = {port.name: identifier(port.name) for port in unit.tables}
    tables = [f"static long long {arrays[port.name]}[{port.size}];" for port in unit.tables]
    kept = [
        _KEEP.substitute(
            name=port.name, array=arrays[port.name], entries=port.size, length=len(f"# table {port.name} ")
        )
        for port in unit.tables
    ]
    return _PROGRAM.substitute(
        unit=unit.name,
        reference=f"{identifier(unit.datapath.name)}_reference",
        inputs=sum(port.size for port in unit.inputs),
        tables="\n".join(tables),
        answer="\n".join(f"    {text}" for text in _answer(unit)),
        keep="\n".join(kept) or "    /* There are no tables. */",
    )


def _answer(unit: VectorUnit) -> Iterator[str]:
    places = {name: place.start for name, place in slices(unit.inputs).items()}
    if isinstance(unit, ColumnVectors):
        yield from _column(unit, places)
    elif isinstance(unit, PipelineVectors):
        arguments = ["in[0]", *_fields(unit.unit, "field_", places)]
        yield f"return {function_name(unit.datapath, unit.name)}({', '.join(arguments)});"
    elif isinstance(unit, CombineVectors):
        arguments = ["in[0]", "in[1]"]
        for prefix in ("operand_fields_0_", "operand_fields_1_"):
            arguments += _fields(unit.operand, prefix, places)
        arguments += _fields(unit.result, "field_", places)
        yield f"return {function_name(unit.datapath, unit.name)}({', '.join(arguments)});"


def _fields(unit: PipelineUnit, prefix: str, places: dict[str, int]) -> list[str]:
    return [
        identifier(f"{prefix}{name}") if entries else f"in[{places[prefix + name]}]"
        for name, entries in fields_read(unit.stages).items()
    ]


def _column(unit: ColumnVectors, places: dict[str, int]) -> Iterator[str]:
    start, beat, finish = (
        function_name(unit.datapath, f"mac.{part}") for part in ("start", "beat", "finish")
    )
    x_zero, weight_zero = (
        f"in[{places[name]}]" if name in places else "0" for name in ("field_x_zero", "field_weight_zero")
    )
    codes = [f"in + {places[name]} + beat * {unit.unit.lanes}" for name in ("activations", "weights")]
    bias = f"in[{places['bias']}]"
    yield f"long long value = {start}({bias});"
    yield "int beat;"
    yield f"for (beat = 0; beat < {unit.unit.beats}; beat++)"
    yield f"    value = {beat}(value, {codes[0]}, {codes[1]}, {x_zero}, {weight_zero});"
    yield f"return {finish}(value, {bias});"
