"""Hypothesis strategies: widths, values, stages, pipelines, MAC columns, datapaths, words of vector files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.pipeline import reach
from npusim.spec.rounding import Rounding
from npusim.spec.stages import (
    Add,
    BaseStage,
    Clamp,
    Divide,
    Fields,
    Float32,
    Float64,
    Multiply,
    Operand,
    Ranges,
    Saturate,
    SelectNegative,
    ShiftLeft,
    ShiftRight,
    Significant,
    Table,
    Wrap,
)
from npusim.spec.width import Overflow, Width
from npusim.vectors.stream import Role, Stream
from npusim.vectors.words import word_type

roundings = st.sampled_from(Rounding)
overflows = st.sampled_from(Overflow)

FIELD_WIDTHS = {
    "multiplier": Width(16, signed=False),
    "slope": Width(12),
    "shift": Width(6, signed=False),
    "inverse_shift": Width(4, signed=False),
    "left": Width(3, signed=False),
    "x_zero": Width(8),
    "y_zero": Width(8),
    "low": Width(8),
    "high": Width(8),
    "count": Width(6, signed=False),
    "scale": Width(32, signed=False),
    "scale64": Width(63, signed=False),
    "table_direct": Width(9),
    "table_between": Width(9),
}
"""The registers that drawn stages read.

`scale` holds a finite float32, `scale64` a float64, the tables 16 and 9 entries.
"""

RANGES: Ranges = {name: Interval.of(width) for name, width in FIELD_WIDTHS.items()}

_TABLE_ENTRIES = {"table_direct": 16, "table_between": 9}
_INFINITY = 0x7F800000
_INFINITY64 = 0x7FF << 52


def widths(max_bits: int = 64, min_bits: int = 1) -> st.SearchStrategy[Width]:
    """Signed and unsigned registers."""
    return st.builds(Width, st.integers(min_bits, max_bits), st.booleans())


def values_in(interval: Interval) -> st.SearchStrategy[int]:
    """Integers of an interval; its ends and what is near zero often."""
    notable = {interval.low, interval.low + 1, -1, 0, 1, interval.high - 1, interval.high}
    corners = sorted(value for value in notable if value in interval)
    return st.sampled_from(corners) | st.integers(interval.low, interval.high)


@st.composite
def field_values(draw: st.DrawFn) -> Fields:
    """One channel's fields of `FIELD_WIDTHS`; `low` does not exceed `high`."""
    fields: dict[str, Any] = {name: draw(values_in(RANGES[name])) for name in FIELD_WIDTHS}
    fields["low"], fields["high"] = sorted((fields["low"], fields["high"]))
    magnitude = st.sampled_from([0, 1, 0x7FFFFF, 0x800000, 0x3F800000, _INFINITY - 1])
    sign = draw(st.booleans()) << 31
    fields["scale"] = sign | draw(magnitude | st.integers(0, _INFINITY - 1))
    fields["count"] = max(fields["count"], 1)
    magnitude64 = st.sampled_from([0, 1, 1 << 52, 0x3FF << 52, _INFINITY64 - 1])
    near_one = st.integers(0x3D0 << 52, 0x410 << 52)
    fields["scale64"] = draw(magnitude64 | near_one | st.integers(0, _INFINITY64 - 1))
    for name, entries in _TABLE_ENTRIES.items():
        fields[name] = tuple(draw(values_in(RANGES[name])) for _ in range(entries))
    return fields


@st.composite
def _register(draw: st.DrawFn) -> dict[str, Any]:
    """The declared register of a stage: none, or one with an overflow rule."""
    if draw(st.integers(0, 3)):
        return {}
    width = draw(widths(min_bits=2, max_bits=48))
    return {"bits": width.bits, "signed": width.signed, "overflow": draw(overflows)}


_KINDS = [
    "add",
    "multiply",
    "left",
    "right",
    "divide",
    "to",
    "clamp",
    "select",
    "float32",
    "float64",
    "digits",
]


@st.composite
def stages(draw: st.DrawFn) -> BaseStage:
    """Any stage but a table, which limits what may enter it."""
    register = draw(_register())
    small = st.integers(-300, 300)
    kind = draw(st.sampled_from(_KINDS))
    if kind == "add":
        return Add(operand=draw(st.sampled_from(["x_zero", "-x_zero", "y_zero"]) | small), **register)
    if kind == "multiply":
        return Multiply(by=draw(st.sampled_from(["multiplier", "-multiplier", "slope"]) | small), **register)
    if kind == "left":
        return ShiftLeft(by=draw(st.just("left") | st.integers(0, 8)), **register)
    if kind == "right":
        by = draw(st.sampled_from([("shift",), ("shift", "inverse_shift"), ("inverse_shift", 3), (7,)]))
        return ShiftRight(by=by, rounding=draw(roundings), **register)
    if kind == "divide":
        return Divide(by=draw(st.just("count") | st.integers(1, 9)), rounding=draw(roundings), **register)
    if kind == "digits":
        digits = draw(st.just("count") | st.integers(1, 40))
        return Significant(digits=digits, rounding=draw(roundings), **register)
    if kind == "to":
        to = draw(widths(max_bits=40))
        if draw(st.booleans()):
            return Saturate(to=to.bits, to_signed=to.signed, **register)
        return Wrap(to=to.bits, to_signed=to.signed, **register)
    if kind == "clamp":
        bounds: list[tuple[Operand, Operand]] = [("low", "high"), (-128, "high"), ("low", 127), (-300, 300)]
        low, high = draw(st.sampled_from(bounds))
        return Clamp(low=low, high=high, **register)
    if kind == "select":
        positive = draw(st.just(1) | st.just("multiplier"))
        return SelectNegative(positive=positive, negative="slope", **register)
    to_bits = draw(st.integers(2, 40))
    if kind == "float64":
        return Float64(scale="scale64", rounding=draw(roundings), to=to_bits, **register)
    return Float32(scale="scale", rounding=draw(roundings), to=to_bits, **register)


@st.composite
def tables(draw: st.DrawFn) -> tuple[BaseStage, ...]:
    """A table, direct or interpolated, with the saturation that must stand before it."""
    signed = draw(st.booleans())
    saturation = Saturate(to=4, to_signed=signed)
    if draw(st.booleans()):
        return saturation, Table(table="table_direct", index_bits=4, index_signed=signed)
    rounding = draw(st.none() | roundings)
    between = Table(
        table="table_between", index_bits=3, fraction_bits=1, index_signed=signed, rounding=rounding
    )
    return saturation, between


@st.composite
def pipelines(draw: st.DrawFn, entering: Interval, max_stages: int = 5) -> tuple[BaseStage, ...]:
    """Stages over `FIELD_WIDTHS` whose every exact result fits 64 bits."""
    made: tuple[BaseStage, ...] = ()
    value = entering
    for _ in range(draw(st.integers(1, max_stages))):
        piece = draw(st.tuples(stages()) | tables())
        for stage in piece:
            if stage.exact_reach(value, RANGES).bits > 64:
                return made or (Saturate(to=16),)
            value = stage.reach(value, RANGES)
            made += (stage,)
    return made


@dataclass(frozen=True)
class Mac:
    """A MAC column with what it is fed."""

    column: Column
    bias: int
    beats: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def sums(self) -> list[int]:
        """Each beat's exact sum."""
        return [sum(x * w for x, w in beat) for beat in self.beats]


@st.composite
def columns(draw: st.DrawFn, max_bits: int = 32) -> Column:
    """Registers of a MAC column."""
    tree = draw(st.none() | st.builds(Width, st.integers(3, max_bits)))
    return Column(
        Width(draw(st.integers(3, max_bits))),
        draw(overflows),
        draw(st.sampled_from(BiasPlace)),
        tree,
        draw(overflows),
    )


@st.composite
def macs(draw: st.DrawFn, operand_bits: int = 3, accumulator_bits: int = 10, max_beats: int = 6) -> Mac:
    """A narrow column, its bias and beats that often overflow it."""
    column = draw(columns(accumulator_bits))
    operand = values_in(Interval.of(Width(operand_bits)))
    beat = st.lists(st.tuples(operand, operand), max_size=4).map(tuple)
    beats = tuple(draw(st.lists(beat, max_size=max_beats)))
    return Mac(column, draw(values_in(Interval.of(column.accumulator))), beats)


@st.composite
def datapaths(draw: st.DrawFn) -> Datapath:
    """Any valid datapath near wes_npu: other widths, rules and MAC pipeline, all of it computable."""
    accumulator = draw(st.integers(8, 32))
    changes: dict[str, Any] = {
        **{
            f"fields.{name}": {
                "bits": width.bits,
                "signed": width.signed,
                "per": draw(st.sampled_from(["layer", "channel"])),
            }
            for name, width in FIELD_WIDTHS.items()
        },
        "mac.accumulator": {"bits": accumulator, "overflow": draw(overflows).value},
        "mac.bias": {
            "bits": draw(st.integers(2, accumulator)),
            "place": draw(st.sampled_from(BiasPlace)).value,
        },
        "mac.lanes": draw(st.integers(1, 64)),
        "mac.zero_point": draw(st.sampled_from(["folded", "subtract"])),
        "weight.low": draw(st.sampled_from([-128, -127])),
    }
    datapath = change_datapath(load_datapath("wes_npu"), changes, "drawn")
    result = draw(pipelines(Interval.of(Width(accumulator))))
    if not reach(result, Interval.of(Width(accumulator)), RANGES)[-1].within(datapath.activation.interval):
        result += (Saturate(to=8),)
    pipeline = datapath.pipelines["mac"].replace(result=result)
    return datapath.replace(pipelines={**datapath.pipelines, "mac": pipeline})


@st.composite
def word_streams(draw: st.DrawFn) -> tuple[Stream, npt.NDArray[Any]]:
    """A vector file's description and its words; extremes of the width often."""
    width = draw(widths(max_bits=64))
    lanes = draw(st.none() | st.integers(1, 5))
    count = draw(st.integers(1, 9))
    stream = Stream("words", Role.ARRAY, width.bits, width.signed, (("word", count),), lanes)
    values = draw(
        st.lists(values_in(Interval.of(width)), min_size=count * (lanes or 1), max_size=count * (lanes or 1))
    )
    return stream, np.array(values, word_type(width.bits, width.signed)).reshape(count, -1)
