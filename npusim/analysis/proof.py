"""`prove`: what every accumulator of a program can hold, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from npusim import notebook
from npusim.analysis.bounds import Bounds, Moment, Words, bounds
from npusim.analysis.code_ranges import field_ranges, output_range, pool_fields
from npusim.analysis.columns import Columns, columns_of
from npusim.analysis.matmul_bounds import matmul_bounds
from npusim.analysis.passes import Sums, held_bounds, pass_columns, resumed_bounds
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.program import Program, check_program
from npusim.spec.interval import Interval
from npusim.spec.pipeline import reach
from npusim.spec.width import Overflow, Width
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step, TensorType
from npusim.steps.executors.mac import choose_path, decide_path
from npusim.steps.fields import PlainFields
from npusim.steps.mac import MacStep
from npusim.steps.mac_array import MacArrayStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.probe import PathDecision, StatisticsMode


@dataclass(frozen=True, eq=False)
class StepProof:
    """What is proven of one step's accumulators.

    Attributes
    ----------
    any_codes
        Ranges over every code of the input's type: what the simulator's choice of path rests on.
    reachable
        Ranges over the codes that can arrive: those the steps before it can make.
    register, overflow, tree
        The declared accumulator, its rule, and the adder tree if it is narrower than its sums.
    moment
        Which values must fit: all prefixes where the accumulator saturates; the final ones where it
        wraps, since wrapping does not mind what happens between.
    path
        How the simulator computes the step, and why; None for sums without weights.
    stage_bits
        Signed bits of each stage's exact result in the rescale, for the reachable accumulators and
        the step's own fields.
    output_codes
        What the step can answer with.
    columns
        What witnesses are made from; None for products of two computed matrices, and for passes over
        digits of one tensor, whose ranges are safe but need not be reached.
    """

    step: str
    operation: str
    any_codes: Bounds
    reachable: Bounds
    register: Width
    overflow: Overflow
    tree: Width | None
    moment: Moment
    path: PathDecision | None
    stage_bits: tuple[int, ...]
    output_codes: Interval
    inputs: tuple[Interval, ...]
    columns: Columns | None

    @property
    def safe_bits(self) -> int:
        """The least accumulator width that cannot overflow, whatever codes arrive."""
        return int(self.any_codes.bits(self.moment).max())

    @property
    def reachable_bits(self) -> int:
        """The least accumulator width that cannot overflow on codes that can arrive."""
        return int(self.reachable.bits(self.moment).max())

    @property
    def headroom(self) -> int:
        """Bits the declared accumulator has beyond the reachable ones; negative: it can overflow."""
        return self.register.bits - self.reachable_bits

    @property
    def overflow_possible(self) -> bool:
        """Whether some input overflows the accumulator, or the adder tree before it."""
        tree = self.tree is not None and not self.reachable.tree.within(Interval.of(self.tree))
        return self.headroom < 0 or tree

    def overflowing(self, bits: int) -> int:
        """In how many output channels an accumulator of so many bits could overflow."""
        return int((self.reachable.bits(self.moment) > bits).sum())

    def narrower(self) -> Iterator[tuple[int, int]]:
        """(bits, channels that could overflow) for each width below the safe one, until all could."""
        channels = len(self.reachable.low(Moment.FINAL))
        for bits in range(min(self.reachable_bits, self.register.bits + 1) - 1, 1, -1):
            count = self.overflowing(bits)
            yield bits, count
            if count == channels:
                return


@dataclass(frozen=True)
class ProofReport:
    """Every step with accumulators, in execution order, and the codes of every tensor."""

    program: str
    datapath: str
    steps: tuple[StepProof, ...]
    codes: Mapping[str, Interval]

    @property
    def overflow_possible(self) -> bool:
        """Whether any accumulator can overflow."""
        return any(step.overflow_possible for step in self.steps)

    def step(self, name: str) -> StepProof:
        """One step's proof."""
        for step in self.steps:
            if step.step == name:
                return step
        names = ", ".join(step.step for step in self.steps)
        raise InputError("no step of this name has accumulators", found=name, allowed=names)

    def __repr__(self) -> str:
        return notebook.proof_line(self)

    def _repr_html_(self) -> str:
        return notebook.proof_html(self)


def prove(
    program: Program, *, datapath: Datapath | None = None, input_range: tuple[int, int] | None = None
) -> ProofReport:
    """Prove the accumulator ranges of a program.

    Parameters
    ----------
    datapath
        Another datapath to run on; None: the program's own.
    input_range
        The least and greatest code that the program will be fed; None: any of its input's type.

    Raises
    ------
    InputError
        If the datapath cannot hold the program, or the range is none of input codes.
    """
    if datapath is not None:
        check_program(program, datapath)
    chosen = program.datapath if datapath is None else datapath
    codes = {name: _input_codes(program, name, input_range) for name in program.input_names}
    proofs = []
    sums: Sums = {}
    for step in program.ordered_steps:
        proof, made = _prove_step(program, step, codes, chosen, sums)
        codes[step.output] = made
        if proof is not None:
            proofs.append(proof)
    return ProofReport(program.name, chosen.name, tuple(proofs), codes)


def _input_codes(program: Program, name: str, wanted: tuple[int, int] | None) -> Interval:
    whole = program.tensors[name].codes.interval
    if wanted is None:
        return whole
    low, high = wanted
    if low > high or low not in whole or high not in whole:
        raise InputError(
            f"not a range of codes of the input {name}", found=f"{low}..{high}", allowed=str(whole)
        )
    return Interval(low, high)


def _prove_step(
    program: Program, step: Step, codes: Mapping[str, Interval], datapath: Datapath, partial: Sums
) -> tuple[StepProof | None, Interval]:
    """A step's proof, if it has accumulators, and the codes it can make."""
    types, output = program.input_types(step), program.tensors[step.output]
    inputs, whole = [codes[name] for name in step.inputs], output.codes.interval
    found = _ranges(step, types, output, inputs, datapath, partial)
    if found is None:
        return None, output_range(step, inputs, None, datapath, whole)
    any_codes, reachable, columns = found
    sums = _held(reachable, datapath)
    made = output_range(step, inputs, sums, datapath, whole)
    stages, fields = rescale_of(step, datapath)
    pools = isinstance(step, AveragePoolStep)
    proof = StepProof(
        step=step.name,
        operation=step.operation.value if isinstance(step, MacArrayStep) else step.kind,
        any_codes=any_codes,
        reachable=reachable,
        register=datapath.mac.accumulator.register,
        overflow=datapath.mac.accumulator.overflow,
        tree=None if pools or datapath.mac.tree is None else Width(datapath.mac.tree.bits),
        moment=_moment(datapath),
        path=_path(step, types, datapath),
        stage_bits=tuple(found.bits for found in reach(stages, sums, field_ranges(fields))),
        output_codes=made,
        inputs=tuple(inputs),
        columns=columns,
    )
    if proof.overflow_possible:  # what goes on from it goes on from anything
        partial.pop(step.output, None)
    return proof, made


def _ranges(
    step: Step,
    types: Sequence[TensorType],
    output: TensorType,
    inputs: Sequence[Interval],
    datapath: Datapath,
    partial: Sums,
) -> tuple[Bounds, Bounds, Columns | None] | None:
    """Ranges over any codes and over those that arrive; None for steps without accumulators."""
    if isinstance(step, MatmulStep):
        inner, whole = types[0].shape[-1], (types[0].codes.interval, types[1].codes.interval)
        every = matmul_bounds(step, whole, inner, datapath)
        return every, matmul_bounds(step, (inputs[0], inputs[1]), inner, datapath), None
    if isinstance(step, AccumulateStep):
        return _pass_ranges(step, types, output, inputs, datapath, partial)
    columns = columns_of(step, types[0], output, datapath) if types else None
    if columns is None:
        return None
    every = bounds(columns, types[0].codes.interval)
    return every, every if inputs[0] == every.codes else bounds(columns, inputs[0]), columns


def _pass_ranges(
    step: AccumulateStep,
    types: Sequence[TensorType],
    output: TensorType,
    inputs: Sequence[Interval],
    datapath: Datapath,
    partial: Sums,
) -> tuple[Bounds, Bounds, Columns | None]:
    whole = types[0].codes.interval
    parts = pass_columns(step, types[0], output, datapath, partial)
    if parts is None:
        own = columns_of(step, types[0], output, datapath)
        assert own is not None
        factor = Interval(1 << step.shift, 1 << step.shift)
        every = held_bounds(own, step.held(types), whole)
        return every, held_bounds(own, inputs[1] * factor, inputs[0]), None
    partial[step.output] = step.inputs[0], parts[2]
    if not step.resumes:
        every = bounds(parts[2], whole)
        return every, every if inputs[0] == whole else bounds(parts[2], inputs[0]), parts[2]
    return resumed_bounds(*parts, whole), resumed_bounds(*parts, inputs[0]), parts[2]


def _path(step: Step, types: Sequence[TensorType], datapath: Datapath) -> PathDecision | None:
    mode = StatisticsMode.EVENTS
    if isinstance(step, AccumulateStep):
        return choose_path(step.product_sums(types[0], datapath), step.reach(types, datapath), datapath, mode)
    return decide_path(step, types[0], datapath, mode) if isinstance(step, MacStep) else None


def rescale_of(step: Any, datapath: Datapath) -> tuple[tuple[Any, ...], PlainFields]:
    """The pipeline behind a step's accumulators, and what it reads; none where they are kept."""
    if isinstance(step, AccumulateStep):
        return (), {}
    if isinstance(step, AveragePoolStep):
        return step.stages(datapath), pool_fields(step)
    return step.result_stages(datapath) if isinstance(step, MatmulStep) else step.stages(
        datapath
    ), step.fields


def _moment(datapath: Datapath) -> Moment:
    wraps = datapath.mac.accumulator.overflow is Overflow.WRAP
    return Moment.FINAL if wraps else Moment.PREFIX


def _held(found: Bounds, datapath: Datapath) -> Interval:
    """What registers can hold after the last beat: the exact range, or anything once they overflow."""
    register = Interval.of(datapath.mac.accumulator.register)
    tree = datapath.mac.tree
    exact = tree is None or found.tree.within(Interval.of(Width(tree.bits)))
    if exact and found.hull(_moment(datapath)).within(register):
        return found.hull(Moment.FINAL)
    return register


def channel_rows(proof: StepProof) -> dict[str, Words]:
    """Per-channel results by name, for tables and files."""
    rows: dict[str, Words] = {}
    for name, found in (("any", proof.any_codes), ("reachable", proof.reachable)):
        for moment in Moment:
            rows[f"{name}.{moment}.low"] = found.low(moment)
            rows[f"{name}.{moment}.high"] = found.high(moment)
    return rows
