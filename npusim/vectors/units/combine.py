"""add, sub, mul as units: two codes with the registers of each, and the rescale of their combination."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from npusim.coverage import (
    Outcome,
    PipelineUnit,
    PipelineVector,
    Report,
    Status,
    cover,
    grade,
    pipeline_bins,
)
from npusim.coverage.bins import Bin
from npusim.coverage.products import Products, check_products
from npusim.coverage.solve import solutions
from npusim.datapath import Datapath
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.spec.elementwise import Combination, Combined, combine
from npusim.spec.pipeline import reach
from npusim.vectors.stream import Role
from npusim.vectors.units.operands import operands_that_make
from npusim.vectors.units.patterns import crossed, patterns, weighted
from npusim.vectors.units.pipeline import DRAWN, events_of
from npusim.vectors.units.ports import event_ports, port_of, slices
from npusim.vectors.units.registers import Registers
from npusim.vectors.units.unit import Case, Level, VectorUnit

_TRIPLE = 3
_BUDGET = 400
_TRIED = 12
_SIDES = ("operand_fields_0_", "operand_fields_1_")


class CombineVectors(VectorUnit):
    """Two codes and three sets of registers in; the result and the events of all three pipelines out."""

    def __init__(self, datapath: Datapath, operation: str) -> None:
        self.datapath, self.name = datapath, operation
        self.operand = PipelineUnit(datapath, operation, PipelineRole.OPERAND)
        self.result = PipelineUnit(datapath, operation, PipelineRole.RESULT)
        self._combination = Combination(PIPELINES[operation].sources[PipelineRole.RESULT].value)
        self._sides, self._registers = Registers(self.operand), Registers(self.result)
        each = (
            self.operand.entering,
            *reach(self.operand.stages, self.operand.entering, self.operand.ranges),
        )
        self._products = Products(self.result, each[-1]) if self._combination is Combination.PRODUCT else None
        codes = (datapath.activation.register, datapath.activation.interval)
        self.inputs = (
            *(port_of(f"input_{index}", Role.INPUT, self.operand.entering, codes) for index in (0, 1)),
            *(port for prefix in _SIDES for port in self._sides.ports(prefix)),
            *self._registers.ports("field_"),
        )
        self._places = slices(self.inputs)
        *_, last = derive_pipeline(datapath, operation, PipelineRole.RESULT)
        result = port_of("expected_outputs", Role.EXPECTED_OUTPUTS, last.reached, codes)
        self.outputs = (result, *event_ports([*self.operand.stages, *self.result.stages]))

    def problem(self, case: Case) -> str | None:
        for vector in self._operands(case):
            found = self.operand.problem(vector)
            if found is not None:
                return found
        return self.result.problem(self._combined_vector(case))

    def respond(self, case: Case) -> tuple[int, ...]:
        made = self._combined(case)
        return (made.result.result, *events_of([*made.operands, made.result], self.events))

    def solved(self) -> Iterator[Case]:
        rng = random.Random(0)
        for vector in cover(self.operand).vectors:
            other = PipelineVector(weighted(self.operand.entering, rng), vector.fields)
            for sides in ((vector, other), (other, vector)):
                yield self._case(sides, self._registers.legal(self._registers.drawn(rng)))
        alone = {outcome.name: outcome.status for outcome in cover(self.result).report.outcomes}
        for wanted in pipeline_bins(self.result):
            if alone[wanted.name] is Status.UNREACHABLE:
                continue
            found = next(self._joined(wanted), None)
            if found is not None:
                yield found

    def patterns(self, level: Level, rng: random.Random) -> Iterator[Case]:
        yield from self._legal(crossed(self._tables(level), 2, rng))
        if level is Level.THOROUGH:
            yield from self._legal(crossed(self._tables(Level.QUICK), _TRIPLE, rng, 2 * _TRIPLE))

    def drawn(self, level: Level, rng: random.Random) -> Iterator[Case]:
        for _ in range(DRAWN[level]):
            codes = [weighted(self.operand.entering, rng) for _ in range(2)]
            held = [*self._sides.drawn(rng), *self._sides.drawn(rng), *self._registers.drawn(rng)]
            yield from self._legal([(*codes, *held)])

    def grade(self, cases: Sequence[Case]) -> list[Report]:
        operands = [vector for case in cases for vector in self._operands(case)]
        combined = grade(self.result, [self._combined_vector(case) for case in cases])
        return [grade(self.operand, operands), self._certified(combined)]

    def _certified(self, report: Report) -> Report:
        """The report with certificates for what the pipeline alone could show, but no product can."""
        if self._products is None:
            return report
        bins = {wanted.name: wanted for wanted in pipeline_bins(self.result)}
        outcomes = tuple(
            self._no_product(bins[outcome.name]) or outcome if outcome.status is Status.MISSED else outcome
            for outcome in report.outcomes
        )
        return replace(report, outcomes=outcomes)

    def _no_product(self, wanted: Bin) -> Outcome | None:
        assert self._products is not None
        certificate = self._products.propose(wanted)
        if certificate is None or not check_products(
            self.result, wanted, self._products.operand, certificate
        ):
            return None
        return Outcome(wanted.name, Status.UNREACHABLE, certificate=certificate)

    def _tables(self, level: Level) -> list[list[int]]:
        code, side = patterns(self.operand.entering, level), self._sides.patterns(level)
        return [code, code, *side, *side, *self._registers.patterns(level)]

    def _joined(self, wanted: Bin) -> Iterator[Case]:
        """Cases that hit a bin of the result's pipeline: values that two operands can make."""
        found = islice(solutions(self.result, wanted, _BUDGET), _TRIED)
        more = () if self._products is None else islice(self._products.solutions(wanted), _TRIED)
        for vector in chain(found, more):
            sides = operands_that_make(self.operand, self._combination, vector.value)
            if sides is not None:
                yield self._case(sides, self._registers.held(vector.fields))

    def _legal(self, found: Iterator[tuple[int, ...]] | Sequence[tuple[int, ...]]) -> Iterator[Case]:
        """Cases with the bounds of each of the three sets of registers put in order."""
        count = len(self._sides.names)
        for a, b, *held in found:
            first, second, rest = held[:count], held[count : 2 * count], held[2 * count :]
            sides = (self._sides.legal(first), self._sides.legal(second))
            yield Case((a, b, *sides[0], *sides[1], *self._registers.legal(rest)))

    def _case(self, sides: Sequence[PipelineVector], result: Sequence[int]) -> Case:
        a, b = sides
        held = [*self._sides.held(a.fields), *self._sides.held(b.fields)]
        return Case((a.value, b.value, *held, *result))

    def _parts(self, case: Case) -> tuple[tuple[int, int], list[dict[str, int]]]:
        """The codes, and the registers of both operands and of the result."""
        a, b, *held = case.inputs
        count = len(self._sides.names)
        ends = (0, count, 2 * count, len(held))
        pieces = [held[ends[index] : ends[index + 1]] for index in range(3)]
        kinds = (self._sides, self._sides, self._registers)
        return (a, b), [kind.named(piece) for kind, piece in zip(kinds, pieces, strict=True)]

    def _operands(self, case: Case) -> list[PipelineVector]:
        codes, (first, second, _) = self._parts(case)
        return [PipelineVector(codes[0], {**first}), PipelineVector(codes[1], {**second})]

    def _combined(self, case: Case) -> Combined:
        codes, (first, second, result) = self._parts(case)
        stages = (self.operand.stages, self.result.stages)
        return combine(self._combination, codes, stages[0], (first, second), stages[1], result)

    def _combined_vector(self, case: Case) -> PipelineVector:
        return PipelineVector(self._combined(case).exact, {**self._parts(case)[1][2]})
