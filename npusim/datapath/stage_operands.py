"""What the stages of a pipeline read, as numbers: which register, which constant, which table (A).

Registers stand side by side on one bus, in the order of the datapath's fields, each as wide as it is
declared; tables are not on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from npusim.datapath.checks import StageWidth
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PIPELINES
from npusim.errors import InputError
from npusim.spec.stages import Operand, Saturate, Table, Wrap, field_name
from npusim.spec.stages.base import range_of
from npusim.spec.width import Width, bits_for

CONSTANT = 255
"""In place of a register's index: the operand is a constant."""

CONSTANT_BITS = 64
_LEAST_OPERANDS = 2


@dataclass(frozen=True)
class Register:
    """One register on the bus; a table's has no bits there."""

    name: str
    offset: int
    bits: int
    signed: bool


@dataclass(frozen=True)
class TableShape:
    """The table that a pipeline's only table stage reads; without one, a single bit."""

    field: str | None
    entries: int
    bits: int
    signed: bool


def tables(datapath: Datapath) -> set[str]:
    """The fields that are tables (A8)."""
    pipelines = [
        pipeline.stages(role) or ()
        for operation, pipeline in datapath.pipelines.items()
        for role in PIPELINES[operation].sources
    ]
    return {stage.table for stages in pipelines for stage in stages if isinstance(stage, Table)}


def registers(datapath: Datapath) -> list[Register]:
    """The register bus, in order.

    Raises
    ------
    InputError
        If there are more fields than indices.

    Examples
    --------
    >>> from npusim.datapath.load import load_datapath
    >>> [(found.name, found.offset) for found in registers(load_datapath("wes_npu"))][:3]
    [('multiplier', 0), ('shift', 16), ('inverse_shift', 22)]
    """
    if len(datapath.fields) >= CONSTANT:
        raise InputError("too many fields", key="fields", found=len(datapath.fields), allowed="up to 254")
    found, offset, without = [], 0, tables(datapath)
    for name, field in datapath.fields.items():
        bits = 0 if name in without else field.bits
        found.append(Register(name, offset, bits, field.signed))
        offset += bits
    return found


def bus_bits(datapath: Datapath) -> int:
    """The width of the register bus; at least 1."""
    return max(1, sum(register.bits for register in registers(datapath)))


def operand_slots(widths: Sequence[StageWidth]) -> int:
    """How many operands each stage of a pipeline is given."""
    return max(_LEAST_OPERANDS, *(len(width.stage.operands()) for width in widths))


def operand_constants(
    datapath: Datapath, widths: Sequence[StageWidth]
) -> Iterator[tuple[str, int, list[int]]]:
    """(name suffix, bits of an element, elements) of the vectors about operands; missing ones are 0."""
    slots = operand_slots(widths)
    index = {register.name: i for i, register in enumerate(registers(datapath))}
    operands: list[Operand] = []
    for width in widths:
        given = width.stage.operands()
        operands += [*given, *[0] * (slots - len(given))]
    names = [field_name(operand) for operand in operands]
    values = [operand if isinstance(operand, int) else 0 for operand in operands]
    yield "OPERAND_FIELDS", 8, [CONSTANT if name is None else index[name] for name in names]
    yield "OPERAND_NEGATIVE", 1, [int(str(operand).startswith("-")) for operand in operands]
    yield "OPERAND_CONSTANTS", CONSTANT_BITS, [abs(value) % (1 << CONSTANT_BITS) for value in values]


def size_constants(widths: Sequence[StageWidth]) -> Iterator[tuple[str, int, list[int]]]:
    """The sizes that some stages have of their own: saturate, wrap and float32's `to`; tables' address."""
    stages = [width.stage for width in widths]
    yield "TO_BITS", 8, [int(getattr(stage, "to", 0)) for stage in stages]
    unsigned = [isinstance(stage, (Saturate, Wrap)) and not stage.to_signed for stage in stages]
    yield "TO_SIGNS", 1, [int(not each) for each in unsigned]
    lookups = [stage if isinstance(stage, Table) else None for stage in stages]
    yield "INDEX_BITS", 8, [0 if table is None else table.index_bits for table in lookups]
    yield "FRACTION_BITS", 8, [0 if table is None else table.fraction_bits for table in lookups]
    yield "INDEX_SIGNS", 1, [int(table is None or table.index_signed) for table in lookups]


def table_shape(datapath: Datapath, widths: Sequence[StageWidth]) -> TableShape:
    """The table of a pipeline: of its last table stage, if it has several."""
    shape = TableShape(None, 1, 1, True)
    for width in widths:
        if isinstance(width.stage, Table):
            field = datapath.fields[width.stage.table]
            shape = TableShape(width.stage.table, width.stage.entries, field.bits, field.signed)
    return shape


def word_bits(datapath: Datapath, widths: Sequence[StageWidth]) -> int:
    """A signed word that holds every value, operand and register of a pipeline, with a bit to spare."""
    ranges = datapath.ranges()
    needed = [2]
    for width in widths:
        stage = width.stage
        needed += [width.entering.bits, width.exact.bits, width.reached.bits]
        if stage.register is not None:
            needed.append(_signed_bits(stage.register))
        needed += [range_of(operand, ranges).bits for operand in stage.operands()]
        if isinstance(stage, (Saturate, Wrap)):
            needed.append(_signed_bits(Width(stage.to, stage.to_signed)))
        if isinstance(stage, Table):
            # The difference of two entries, times the fraction, beside the first entry.
            needed.append(ranges[stage.table].bits + stage.fraction_bits + 2)
    return max(needed) + 1


def _signed_bits(width: Width) -> int:
    return bits_for(width.low, width.high)
