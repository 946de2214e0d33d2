"""The ports of each kind of unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from npusim.vectors.bench.port import Port, made, read
from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.walk import WALK_AXES

SHIFT_BITS = 5
"""Of a partial sum's shift to the left (A7)."""

DIGIT_PLACE_BITS = 4
"""Of the lowest bit of a digit."""

WALK_BITS = 32
"""Of each axis' part of a walk's registers, and of an address."""

WALK_REGISTERS = ("sizes", "firsts", "steps", "strides", "lengths")


def ports(unit: Unit) -> list[Port]:
    """All ports of a unit, the clock first, results last."""
    return [read("clk"), read("reset"), *_PORTS[unit.kind](unit), *_common(unit)]


def _common(unit: Unit) -> Iterator[Port]:
    """Registers, the table, what is made."""
    for field in unit.fields:
        yield read(f"field_{field.name}", unit.columns * field.bits)
    if unit.table.field is not None:
        yield read("entries", unit.table.entries * unit.table.bits)
    if shows_accumulators(unit):
        yield made("accumulators", unit.columns * unit.datapath.mac.accumulator.bits)
    if unit.rescales:
        yield made("results", unit.columns * unit.result_bits)


def shows_accumulators(unit: Unit) -> bool:
    """Whether its sums are compared as well."""
    return unit.kind in {UnitKind.MAC, UnitKind.MATMUL} or averages(unit)


def averages(unit: Unit) -> bool:
    """Whether it pools sums."""
    return unit.kind is UnitKind.POOL and unit.operation == "average_pool"


def _beats(unit: Unit) -> Iterator[Port]:
    columns, lanes = unit.columns, unit.datapath.mac.lanes
    weight = unit.code.bits if unit.kind is UnitKind.MATMUL else unit.datapath.weight.bits
    yield from (read(name) for name in ("valid", "first", "last"))
    yield read("enable", columns)
    yield read("activations", columns * lanes * unit.code.bits)
    yield read("weights", columns * lanes * weight)


def _mac(unit: Unit) -> Iterator[Port]:
    yield from _beats(unit)
    yield read("bias", unit.columns * unit.bias_bits)
    if unit.resumes:
        yield read("partial_sums", unit.columns * unit.datapath.mac.accumulator.bits)
        yield read("partial_shift", SHIFT_BITS)


def _matmul(unit: Unit) -> Iterator[Port]:
    yield from _beats(unit)
    for side in unit.sides:
        for field in unit.operand_fields:
            yield read(f"{side}_field_{field.name}", unit.columns * field.bits)


def _combine(unit: Unit) -> Iterator[Port]:
    bits = unit.datapath.mac.accumulator.bits if unit.operation == "expansion" else unit.code.bits
    for side in unit.sides:
        yield read(side, bits)
        if unit.bypasses:
            yield read(f"{side}_copied")
        for field in unit.operand_fields:
            yield read(f"{side}_field_{field.name}", field.bits)


def _pipeline(unit: Unit) -> Iterator[Port]:
    if unit.bypasses:
        yield read("value", unit.code.bits)
        yield read("copied")
    else:
        yield read("value", unit.input_bits)


def _pool(unit: Unit) -> Iterator[Port]:
    yield from (read(name) for name in ("valid", "first", "in_image"))
    yield read("code", unit.code.bits)
    if averages(unit):
        yield read("x_zero", unit.code.bits)


def _resize(unit: Unit) -> Iterator[Port]:
    weight = unit.datapath.fields["resize_weight"].bits
    yield read("corners", 4 * unit.code.bits)
    yield read("row_weight", weight)
    yield read("column_weight", weight)


def _recode(unit: Unit) -> Iterator[Port]:
    yield read("value", unit.code.bits)


def _clamp(unit: Unit) -> Iterator[Port]:
    for name in ("value", "low", "high"):
        yield read(name, unit.code.bits)


def _digit(unit: Unit) -> Iterator[Port]:
    yield read("value", unit.code.bits)
    yield read("lowest_bit", DIGIT_PLACE_BITS)


def _walk(unit: Unit) -> Iterator[Port]:
    yield read("start")
    yield read("advance")
    for name in WALK_REGISTERS:
        yield read(name, WALK_AXES * WALK_BITS)
    yield read("pad", unit.code.bits)
    yield read("data", unit.code.bits)
    yield made("address", WALK_BITS)


_PORTS: dict[UnitKind, Callable[[Unit], Iterator[Port]]] = {
    UnitKind.MAC: _mac,
    UnitKind.MATMUL: _matmul,
    UnitKind.COMBINE: _combine,
    UnitKind.PIPELINE: _pipeline,
    UnitKind.POOL: _pool,
    UnitKind.RESIZE: _resize,
    UnitKind.RECODE: _recode,
    UnitKind.CLAMP: _clamp,
    UnitKind.DIGIT: _digit,
    UnitKind.WALK: _walk,
}
