"""A MAC column as a unit: beats of lanes, the bias, the zero points; the accumulator and its overflows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product

from npusim.coverage import ColumnUnit, ColumnVector, Report, cover_column, grade_column
from npusim.coverage.column_bins import corners
from npusim.coverage.column_unit import filled
from npusim.datapath import Datapath
from npusim.spec.interval import Interval
from npusim.spec.mac import accumulate
from npusim.vectors.stream import Role
from npusim.vectors.units.patterns import patterns, weighted
from npusim.vectors.units.ports import Port, slices
from npusim.vectors.units.unit import EVENTS, Case, Level, VectorUnit

DRAWN = {Level.QUICK: 300, Level.THOROUGH: 6000}
_ZEROS = ("x_zero", "weight_zero")

Pair = tuple[int, int]


class ColumnVectors(VectorUnit):
    """Codes by beat and lane, bias and zero points in; what the accumulator holds in the end out.

    Events: `overflow`, some write did not fit; `overflows`, how many did not; `final_overflow`, the
    exact sum does not fit (A4).
    """

    def __init__(self, datapath: Datapath, beats: int) -> None:
        self.datapath, self.beats = datapath, beats
        self.unit = unit = ColumnUnit(datapath, beats)
        self.name = unit.name
        weight = datapath.weight.register
        operand, axes, lanes = datapath.operand, (("beat", beats),), unit.lanes
        bias = max(datapath.mac.bias.bits, datapath.mac.accumulator.bits)
        self._zeros = [name for name in _ZEROS if getattr(unit, name) != Interval(0, 0)]
        self.inputs = (
            Port("activations", Role.ACTIVATIONS, operand.bits, operand.signed, axes, lanes),
            Port("weights", Role.WEIGHTS, weight.bits, weight.signed, axes, lanes),
            Port("bias", Role.BIAS, bias, signed=True),
            *(_zero_port(datapath, name) for name in self._zeros),
        )
        self._places = slices(self.inputs)
        register = datapath.mac.accumulator.register
        count = unit.writes.bit_length()
        self.outputs = (
            Port("expected_accumulators", Role.EXPECTED_ACCUMULATORS, register.bits, register.signed),
            Port(f"{EVENTS}overflow", Role.EXPECTED_EVENTS, 1, signed=False),
            Port(f"{EVENTS}overflows", Role.EXPECTED_EVENTS, count, signed=False),
            Port(f"{EVENTS}final_overflow", Role.EXPECTED_EVENTS, 1, signed=False),
        )

    def problem(self, case: Case) -> str | None:
        return self.unit.problem(self.vector(case))

    def respond(self, case: Case) -> tuple[int, ...]:
        vector = self.vector(case)
        made = accumulate(self.unit.pairs(vector), vector.bias, self.datapath.mac.column)
        final = made.leaves(self.unit.accumulator)
        return made.value, int(made.overflows > 0), made.overflows, int(final)

    def solved(self) -> Iterator[Case]:
        for vector in cover_column(self.unit).vectors:
            yield self.case(vector)

    def patterns(self, level: Level, rng: random.Random) -> Iterator[Case]:
        yield from self._full(level, rng)
        yield from self._partial(level, rng)
        yield from self._walks(level, rng)

    def drawn(self, level: Level, rng: random.Random) -> Iterator[Case]:
        unit = self.unit
        for _ in range(DRAWN[level]):
            # Either all codes alike, or a share of them corners: sums of many magnitudes.
            share = rng.choice((0, 0, 2, 8))
            beats = [
                [(self._code(unit.activation, share, rng), self._code(unit.weight, share, rng))
                 for _ in range(unit.lanes)]
                for _ in range(unit.beats)
            ]  # fmt: skip
            zeros = (weighted(unit.x_zero, rng), weighted(unit.weight_zero, rng))
            yield self.case(filled(unit, beats, weighted(unit.bias, rng), zeros))

    def grade(self, cases: Sequence[Case]) -> list[Report]:
        return [grade_column(self.unit, [self.vector(case) for case in cases])]

    def vector(self, case: Case) -> ColumnVector:
        """A case as coverage has it."""
        activations, weights = (self._beats(case.inputs[self._places[n]]) for n in ("activations", "weights"))
        zeros = {name: case.inputs[self._places[f"field_{name}"]][0] for name in self._zeros}
        return ColumnVector(activations, weights, case.inputs[self._places["bias"]][0], **zeros)

    def case(self, vector: ColumnVector) -> Case:
        """Coverage's vector as a case."""
        codes = [code for side in (vector.activations, vector.weights) for beat in side for code in beat]
        return Case((*codes, vector.bias, *(getattr(vector, name) for name in self._zeros)))

    def _beats(self, codes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        lanes = self.unit.lanes
        return tuple(tuple(codes[start : start + lanes]) for start in range(0, len(codes), lanes))

    def _biases(self, level: Level) -> list[int]:
        return [0, *patterns(self.unit.bias, level)]

    def _some_zeros(self, rng: random.Random) -> Pair:
        return rng.choice(corners(self.unit.x_zero)), rng.choice(corners(self.unit.weight_zero))

    def _full(self, level: Level, rng: random.Random) -> Iterator[Case]:
        """The same two corner codes everywhere; each with each bias."""
        unit = self.unit
        biases = self._biases(Level.QUICK)
        for pair in product(corners(unit.activation), corners(unit.weight)):
            for bias in biases if level is Level.THOROUGH else rng.sample(biases, min(4, len(biases))):
                yield self.case(filled(unit, [[pair] * unit.lanes] * unit.beats, bias, self._some_zeros(rng)))

    def _partial(self, level: Level, rng: random.Random) -> Iterator[Case]:
        """A last beat, and a last tile, that end early; different codes in all lanes show their order."""
        unit = self.unit
        for beat, lane in product(range(unit.beats), range(unit.lanes)):
            if level is Level.QUICK and lane not in {0, unit.lanes // 2, unit.lanes - 1}:
                continue
            rows = [[self._different(b, place) for place in range(unit.lanes)] for b in range(beat)]
            rows.append([self._different(beat, place) for place in range(lane + 1)])
            yield self.case(filled(unit, rows, rng.choice(self._biases(level)), self._some_zeros(rng)))

    def _different(self, beat: int, lane: int) -> Pair:
        x, w = self.unit.activation, self.unit.weight
        place = beat * self.unit.lanes + lane
        return x.low + place * 37 % (x.high - x.low + 1), w.low + place * 101 % (w.high - w.low + 1)

    def _walks(self, level: Level, rng: random.Random) -> Iterator[Case]:
        """Beats that go up and down by greatest steps from biases near both ends."""
        unit = self.unit
        ends = (unit.bias.low, unit.bias.high)
        up = (unit.activation.low, unit.weight.low)
        down = (unit.activation.low, unit.weight.high)
        signs = list(product((up, down), repeat=min(unit.beats, 4)))
        for steps, bias in product(signs, ends):
            for short in (0,) if level is Level.QUICK else (0, 1, 1000, abs(up[0] * up[1])):
                start = bias + short if bias < 0 else bias - short
                rows = [[step] * unit.lanes for step in steps]
                yield self.case(filled(unit, rows, start, self._some_zeros(rng)))

    def _code(self, codes: Interval, share: int, rng: random.Random) -> int:
        return (
            rng.choice((codes.low, codes.high))
            if share and not rng.randrange(share)
            else weighted(codes, rng)
        )


def _zero_port(datapath: Datapath, name: str) -> Port:
    field = datapath.fields.get(name)
    codes = datapath.activation if name == "x_zero" else datapath.weight
    bits, signed = (codes.bits, codes.signed) if field is None else (max(1, field.bits), field.signed)
    return Port(f"field_{name}", Role.FIELD, bits, signed)
