"""Stimulus for single units, solved for where it can be: ties, thresholds, extremes; and random, to compare.

Expected words are the spec's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from npusim.datapath import Datapath
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.datapath.stage_operands import tables
from npusim.spec.interval import Interval
from npusim.spec.mac import accumulate
from npusim.spec.pipeline import run
from npusim.spec.stages import BaseStage, Divide, Multiply, ShiftRight, Significant, field_name
from npusim.spec.stages.float_stage import FloatStage
from npusim.vectors.bench.unit import Unit, combination, subtracts

Registers = dict[str, int]
Codes = list[list[int]]
"""Beats of lanes."""


@dataclass(frozen=True)
class Vector:
    """One word in, one out: a value, or two codes with the registers of each."""

    values: tuple[int, ...]
    fields: Registers
    expected: int
    operand_fields: tuple[Registers, ...] = ()


@dataclass(frozen=True)
class ColumnVector:
    """One output of a MAC column."""

    activations: Codes
    weights: Codes
    bias: int
    fields: Registers
    accumulator: int
    expected: int


def rescale_vectors(unit: Unit) -> list[Vector]:
    """Ties, both sides of every kind of threshold, and the extremes of a rescale's value and registers."""
    stages = _stages(unit.datapath, unit.operation, unit.main)
    entering = unit.widths(unit.main)[0].entering
    found = {}
    for fields in _corner_registers(unit, stages):
        for value in _thresholds(stages, fields, entering):
            found[value, tuple(fields.values())] = _vector(stages, value, fields)
    return list(found.values())


def random_rescale_vectors(unit: Unit, count: int, seed: int = 0) -> list[Vector]:
    """As many vectors, drawn evenly from values and registers."""
    rng = random.Random(seed)
    stages = _stages(unit.datapath, unit.operation, unit.main)
    entering = unit.widths(unit.main)[0].entering
    return [
        _vector(stages, rng.randint(entering.low, entering.high), _random_registers(unit, rng))
        for _ in range(count)
    ]


def combine_vectors(unit: Unit, count: int, seed: int = 0, *, corners: bool = True) -> list[Vector]:
    """Corner codes with corner registers, then random ones; `corners` False: random alone."""
    rng = random.Random(seed)
    operand = _stages(unit.datapath, unit.operation, PipelineRole.OPERAND)
    result = _stages(unit.datapath, unit.operation, PipelineRole.RESULT)
    shifts = _interval(unit, "shift")
    vectors = []
    for index in range(count):
        sides = tuple(_random_registers(unit, rng) for _ in range(2))
        fields, codes = _random_registers(unit, rng), _random_codes(unit, rng, 2)
        if corners and index % 4 != 3:
            sides = tuple(_pulled_to_corners(unit, side, rng) for side in sides)
            fields["shift"] = rng.choice([shifts.low, shifts.low + 1, 7, 8, 9, 15, 16, 17, 24])
            codes = [rng.choice(_ends(unit.datapath.activation.interval)) for _ in range(2)]
        aligned = [run(operand, code, side).result for code, side in zip(codes, sides, strict=True)]
        exact = combination(unit.operation).of(*aligned)
        vectors.append(Vector(tuple(codes), fields, run(result, exact, fields).result, sides))
    return vectors


def table_vectors(unit: Unit, table: Sequence[int]) -> list[Vector]:
    """Every code."""
    stages = _stages(unit.datapath, unit.operation, unit.main)
    codes, fields = unit.datapath.activation.interval, _random_registers(unit, random.Random(0))
    wanted: Mapping[str, int | Sequence[int]] = {**fields, str(unit.table.field): table}
    return [
        Vector((code,), fields, run(stages, code, wanted).result) for code in range(codes.low, codes.high + 1)
    ]


def random_table_vectors(unit: Unit, table: Sequence[int], count: int, seed: int = 0) -> list[Vector]:
    """So many codes, drawn evenly."""
    return random.Random(seed).choices(table_vectors(unit, table), k=count)


def column_vectors(
    unit: Unit, beats: int, count: int, seed: int = 0, *, corners: bool = True
) -> list[ColumnVector]:
    """Extreme operands lane by lane, biases that overflow at each beat and come back; then random."""
    rng = random.Random(seed)
    datapath = unit.datapath
    made: list[tuple[Codes, Codes, int]] = list(_solved_columns(datapath, beats)) if corners else []
    while len(made) < count:
        made.append(_random_column(datapath, beats, rng))
    return [column(unit, x, w, bias, _random_registers(unit, rng)) for x, w, bias in made]


def _solved_columns(datapath: Datapath, beats: int) -> Iterator[tuple[Codes, Codes, int]]:
    lanes, codes, weights = datapath.mac.lanes, datapath.activation.interval, datapath.weight.interval
    biases = Interval.of(datapath.mac.bias.register)
    greatest = max(codes.low * weights.low, codes.high * weights.high)
    for beat, lane in product(range(beats), range(lanes)):
        x, w = _zeros(beats, lanes), _zeros(beats, lanes)
        x[beat][lane] = codes.low if lane % 2 else codes.high
        w[beat][lane] = weights.low if (lane + beat) % 2 else weights.high
        x[beat][(lane + 3) % lanes] = lane + 1
        w[beat][(lane + 3) % lanes] = -(beat + 2)
        yield x, w, 3 * lane - beat
    for beat, high in product(range(beats), (True, False)):
        x, w = _zeros(beats, lanes), _zeros(beats, lanes)
        # Up to the end of the register in this beat, past it by a little; back in the next one.
        sign = 1 if high else -1
        x[beat][0], w[beat][0] = codes.low, sign * weights.low if sign > 0 else weights.high
        if beat + 1 < beats:
            x[beat + 1][-1], w[beat + 1][-1] = codes.low, weights.high if sign > 0 else weights.low
        for short in (0, 1, 2, greatest):
            yield x, w, (biases.high - short) if high else (biases.low + short)
    for x_code, w_code in product(_ends(codes), _ends(weights)):
        for bias in (biases.low, biases.high, 0, -1, 1 << (biases.bits // 2)):
            yield [[x_code] * lanes] * beats, [[w_code] * lanes] * beats, bias


def _random_column(datapath: Datapath, beats: int, rng: random.Random) -> tuple[Codes, Codes, int]:
    def codes(interval: Interval) -> Codes:
        return [
            [rng.randint(interval.low, interval.high) for _ in range(datapath.mac.lanes)]
            for _ in range(beats)
        ]

    biases = Interval.of(datapath.mac.bias.register)
    bias = rng.randint(biases.low, biases.high)
    return codes(datapath.activation.interval), codes(datapath.weight.interval), bias


def column(unit: Unit, x: Codes, w: Codes, bias: int, fields: Registers) -> ColumnVector:
    """A column vector with what the spec makes of it."""
    off = fields.get("x_zero", 0) if subtracts(unit.datapath) else 0
    weight_off = fields.get("weight_zero", 0) if unit.datapath.weight.zero_point else 0
    pairs = [
        [(a - off, b - weight_off) for a, b in zip(*beat, strict=True)] for beat in zip(x, w, strict=True)
    ]
    accumulator = accumulate(pairs, bias, unit.datapath.mac.column).value
    expected = run(_stages(unit.datapath, unit.operation, unit.main), accumulator, fields).result
    return ColumnVector(x, w, bias, fields, accumulator, expected)


def _corner_registers(unit: Unit, stages: Sequence[BaseStage]) -> Iterator[Registers]:
    """Each shift with several multipliers; zero points and bounds take turns."""
    shifts, inverse = _interval(unit, "shift"), _interval(unit, "inverse_shift")
    multiplier = _interval(unit, "multiplier")
    half = (multiplier.high + 1) // 2
    multipliers = [half, multiplier.high, half + half // 2, half + 1, (2 * half) // 3, 1, 0]
    low, high, zero = (_interval(unit, name) for name in ("low", "high", "y_zero"))
    bounds = [(low.low, high.high), (0, high.high), (low.low, -2), (-5, 5), (3, 3)]
    zeros = [0, zero.low, zero.high, -1, 1]
    divisors = [str(field_name(stage.by)) for stage in stages if isinstance(stage, Divide)]
    counts = [1, 2, 3, 4, 5, 9, 49, 64, 300]
    amounts = [(s, i) for s in range(shifts.low, shifts.high + 1) for i in (inverse.low, inverse.high)]
    amounts += [(s, i) for s in (0, 14, 15, 20, 31) for i in range(inverse.low, inverse.high + 1)]
    for turn, ((shift, second), m) in enumerate(product(amounts, multipliers)):
        least, greatest = bounds[0] if turn % 3 else bounds[turn // 3 % len(bounds)]
        y_zero = zeros[turn // 2 % len(zeros)] if turn % 2 else 0
        wanted = {"multiplier": m, "shift": shift, "inverse_shift": second, "y_zero": y_zero}
        wanted |= {"low": least, "high": greatest} | dict.fromkeys(divisors, counts[turn % len(counts)])
        yield {name: wanted.get(name, 0) for name in _names(unit)}


def _thresholds(stages: Sequence[BaseStage], fields: Registers, entering: Interval) -> list[int]:
    """Ties and their neighbours of small results, both ends of the output, both ends of the value."""
    multiplier, shift, divisor = 1, 0, 1
    for stage in stages:
        if isinstance(stage, Divide):
            divisor *= fields[str(field_name(stage.by))]
        if isinstance(stage, Multiply):
            multiplier *= fields[str(field_name(stage.by))]
        if isinstance(stage, ShiftRight):
            shift += sum(fields.get(str(field_name(operand)), 0) for operand in stage.by)
    values = [entering.low, entering.low + 1, entering.high - 1, entering.high, -2, -1, 0, 1, 2]
    if multiplier:
        zero = fields.get("y_zero", 0)
        ends = [fields[name] - zero for name in ("low", "high") if name in fields]
        for doubled in (-5, -3, -1, 1, 3, 5, *(2 * end + step for end in ends for step in (-1, 1))):
            near = (doubled * divisor << shift) // (2 * multiplier)
            values += [near - 1, near, near + 1]
    return [value for value in dict.fromkeys(values) if value in entering]


def _vector(stages: Sequence[BaseStage], value: int, fields: Registers) -> Vector:
    return Vector((value,), fields, run(stages, value, fields).result)


def _random_registers(unit: Unit, rng: random.Random) -> Registers:
    fields = {}
    for name in _names(unit):
        interval = _interval(unit, name)
        fields[name] = rng.randint(interval.low, interval.high)
    if fields.get("low", 0) > fields.get("high", 0):
        fields["low"], fields["high"] = fields["high"], fields["low"]
    for role in PIPELINES[unit.operation].sources:
        for stage in _stages(unit.datapath, unit.operation, role):
            if isinstance(stage, FloatStage):  # finite: the exponent's lowest bit is 0
                fields[str(stage.scale)] &= ~(1 << (stage.format.significand_bits - 1))
            if isinstance(stage, Divide):
                fields[str(stage.by)] = max(1, fields[str(stage.by)])
            if isinstance(stage, Significant) and isinstance(stage.digits, str):
                fields[stage.digits] = max(1, fields[stage.digits])
    return fields


def _pulled_to_corners(unit: Unit, fields: Registers, rng: random.Random) -> Registers:
    return {name: rng.choice([*_ends(_interval(unit, name)), value]) for name, value in fields.items()}


def _random_codes(unit: Unit, rng: random.Random, count: int) -> list[int]:
    codes = unit.datapath.activation.interval
    return [rng.randint(codes.low, codes.high) for _ in range(count)]


def _names(unit: Unit) -> list[str]:
    """All registers, those without bits among them."""
    without = tables(unit.datapath)
    return [name for name in unit.datapath.fields if name not in without]


def _interval(unit: Unit, name: str) -> Interval:
    field = unit.datapath.fields.get(name)
    return Interval(0, 0) if field is None else field.interval


def _ends(interval: Interval) -> list[int]:
    return [interval.low, interval.low + 1, 0, 1, interval.high - 1, interval.high]


def _zeros(beats: int, lanes: int) -> Codes:
    return [[0] * lanes for _ in range(beats)]


def _stages(datapath: Datapath, operation: str, role: PipelineRole | None) -> tuple[BaseStage, ...]:
    return () if role is None else datapath.pipelines[operation].stages(role) or ()
