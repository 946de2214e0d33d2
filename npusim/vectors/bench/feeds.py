"""Which file feeds which port of a unit that makes a word of one word of each input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from npusim.vectors.bench.unit import Unit, UnitKind
from npusim.vectors.bench.unit_ports import DIGIT_PLACE_BITS


class Index(StrEnum):
    """Which word of its file a port gets for output word w."""

    WORD = "word"
    """Word w: what is read for each output."""
    PATTERN = "pattern"
    """Word ``w % words``: one for all, one for each channel, or one for each output of an image."""
    PIXEL = "pixel"
    """Word ``w // channels % words``."""


@dataclass(frozen=True)
class Feed:
    """A port and its file. A file that is not there gives zeros."""

    port: str
    file: str
    bits: int
    index: Index
    signed: bool = False


def feeds(unit: Unit) -> list[Feed]:
    """What a unit reads; its table left out."""
    made = {
        UnitKind.COMBINE: _combine,
        UnitKind.PIPELINE: _pipeline,
        UnitKind.RESIZE: _resize,
        UnitKind.RECODE: _recode,
        UnitKind.CLAMP: _clamp,
        UnitKind.DIGIT: _digit,
    }[unit.kind]
    return [*made(unit), *(_register(f"field_{f.name}", f"field_{f.name}", f.bits) for f in unit.fields)]


def _register(port: str, file: str, bits: int) -> Feed:
    return Feed(port, file, bits, Index.PATTERN)


def _combine(unit: Unit) -> Iterator[Feed]:
    bits = unit.datapath.mac.accumulator.bits if unit.operation == "expansion" else unit.code.bits
    for index, side in enumerate(unit.sides):
        yield Feed(side, f"input_{index}", bits, Index.WORD)
        if unit.bypasses:
            yield _register(f"{side}_copied", f"copied_{index}", 1)
        for field in unit.operand_fields:
            file = f"operand_fields_{index}_{field.name}"
            yield _register(f"{side}_field_{field.name}", file, field.bits)


def _pipeline(unit: Unit) -> Iterator[Feed]:
    if unit.bypasses:
        yield Feed("value", "input_0", unit.code.bits, Index.WORD)
        yield _register("copied", "copied", 1)
        return
    code = unit.widths(unit.main)[0].entering == unit.datapath.activation.interval
    bits = unit.code.bits if code else unit.input_bits
    yield Feed("value", "input_0", bits, Index.WORD, signed=unit.code.signed or not code)


def _resize(unit: Unit) -> Iterator[Feed]:
    weight = unit.datapath.fields["resize_weight"].bits
    yield Feed("corners", "corners", 4 * unit.code.bits, Index.WORD)
    yield Feed("row_weight", "row_weights", weight, Index.PIXEL)
    yield Feed("column_weight", "column_weights", weight, Index.PIXEL)


def _recode(unit: Unit) -> Iterator[Feed]:
    yield Feed("value", "input_0", unit.code.bits, Index.WORD)


def _clamp(unit: Unit) -> Iterator[Feed]:
    yield Feed("value", "input_0", unit.code.bits, Index.WORD)
    yield _register("low", "low", unit.code.bits)
    yield _register("high", "high", unit.code.bits)


def _digit(unit: Unit) -> Iterator[Feed]:
    yield Feed("value", "input_0", unit.code.bits, Index.WORD)
    yield _register("lowest_bit", "lowest_bit", DIGIT_PLACE_BITS)
