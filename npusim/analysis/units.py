"""What there is to compare between two datapaths: every rescale of a program, over its proven values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from npusim.analysis.bounds import Moment
from npusim.analysis.code_ranges import COPIES, combined_range
from npusim.analysis.comparison import Unit
from npusim.analysis.proof import ProofReport, StepProof, prove
from npusim.analysis.rescale import Rescale, Words
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PIPELINES, RESIZE_WEIGHT, PipelineRole
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.constant import ConstantStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.fields import PlainFields
from npusim.steps.interleave import InterleaveStep
from npusim.steps.mac import MacStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.pad import PadStep
from npusim.steps.pipelines import require_pipeline
from npusim.steps.recode import RecodeStep
from npusim.steps.resize_bilinear import ResizeBilinearStep, blended
from npusim.steps.table import TableStep

Sides = tuple[Datapath, Datapath]


def program_units(program: Program, left: Datapath, right: Datapath) -> list[Unit]:
    """Every rescale of a program, on both datapaths, over the values that the program can reach."""
    proofs = prove(program, datapath=left), prove(program, datapath=right)
    found: list[Unit] = []
    for step in program.ordered_steps:
        channels = int(program.tensors[step.output].shape[-1])
        inputs = [proofs[0].codes[name].hull(proofs[1].codes[name]) for name in step.inputs]
        match step:
            case MacStep():
                found.append(_mac_unit(step, (left, right), proofs))
            case AveragePoolStep():
                found += _pool_units(step, (left, right), proofs, channels)
            case BinaryStep():
                widths = [int(program.tensors[name].shape[-1]) for name in step.inputs]
                found += _binary_units(step, (left, right), inputs, [*widths, channels])
            case ConcatStep():
                widths = [int(program.tensors[name].shape[-1]) for name in step.inputs]
                found += _concat_units(step, (left, right), inputs, widths)
            case ExtremeStep():
                widths = [int(program.tensors[name].shape[-1]) for name in step.inputs]
                found += _concat_units(step, (left, right), inputs, widths)
            case MatmulStep():
                inner = int(program.tensors[step.inputs[0]].shape[-1])
                widths = [int(program.tensors[name].shape[-1]) for name in step.inputs]
                found += _matmul_units(step, (left, right), inputs, [*widths, channels], inner)
            case ResizeBilinearStep():
                found.append(_resize_unit(step, (left, right), inputs[0], channels))
            case TableStep():
                ends = _constant(inputs[0], channels)
                found.append(
                    _unit(step.name, (left, right), "table", PipelineRole.RESULT, step.fields, *ends)
                )
    return found


def not_compared(program: Program) -> tuple[str, ...]:
    """Steps of kinds that this comparison does not know."""
    known: tuple[type[Step], ...] = (
        MacStep,
        AveragePoolStep,
        BinaryStep,
        ConcatStep,
        ExtremeStep,
        MatmulStep,
        ResizeBilinearStep,
        ArgmaxStep,
        InterleaveStep,
        TableStep,
        ClampStep,
        PadStep,
        ConstantStep,
        RecodeStep,
        *COPIES,
    )
    return tuple(step.name for step in program.ordered_steps if not isinstance(step, known))


def _unit(
    name: str,
    sides: Sides,
    operation: str,
    role: PipelineRole,
    fields: PlainFields,
    low: Words,
    high: Words,
) -> Unit:
    stages = [require_pipeline(side, operation, role) for side in sides]
    place = f"{pipeline_name(sides[0], operation)}.{role}"
    first, second = (Rescale(found, fields, len(low)) for found in stages)
    return Unit(name, place, first, second, low, high)


def pipeline_name(datapath: Datapath, operation: str) -> str:
    """The name under which a datapath declares an operation's pipelines."""
    fallback = PIPELINES[operation].fallback
    known = operation in datapath.pipelines or fallback is None
    return operation if known else pipeline_name(datapath, str(fallback))


def _mac_unit(step: MacStep, sides: Sides, proofs: tuple[ProofReport, ProofReport]) -> Unit:
    low, high = _held([proof.step(step.name) for proof in proofs])
    return _unit(step.name, sides, step.operation.value, PipelineRole.RESULT, step.fields, low, high)


def _held(proofs: Sequence[StepProof]) -> tuple[Words, Words]:
    """The least and greatest accumulators of each channel on either datapath."""
    lows, highs = [], []
    for proof in proofs:
        low, high = proof.reachable.low(Moment.FINAL), proof.reachable.high(Moment.FINAL)
        if proof.overflow_possible:
            low, high = np.full_like(low, proof.register.low), np.full_like(high, proof.register.high)
        lows.append(low)
        highs.append(high)
    return np.minimum(*lows), np.maximum(*highs)


def _constant(interval: Interval, channels: int) -> tuple[Words, Words]:
    return np.full(channels, interval.low, np.int64), np.full(channels, interval.high, np.int64)


def _pool_units(
    step: AveragePoolStep, sides: Sides, proofs: tuple[ProofReport, ProofReport], channels: int
) -> Iterator[Unit]:
    low, high = _held([proof.step(step.name) for proof in proofs])
    for index, count in enumerate(step.counts):
        name = f"{step.name}, windows of {count}"
        yield _unit(name, sides, "average_pool", PipelineRole.RESULT, step.fields_of(index), low, high)


def _binary_units(
    step: BinaryStep, sides: Sides, inputs: Sequence[Interval], widths: Sequence[int]
) -> Iterator[Unit]:
    """`widths`: channels of both inputs and of the output."""
    for index, (codes, fields) in enumerate(zip(inputs, step.operand_fields, strict=True)):
        ends = _constant(codes, widths[index])
        yield _unit(f"{step.name}, operand {index}", sides, step.kind, PipelineRole.OPERAND, fields, *ends)
    first, second = (combined_range(step, inputs, side) for side in sides)
    ends = _constant(first.hull(second), widths[2])
    yield _unit(step.name, sides, step.kind, PipelineRole.RESULT, step.fields, *ends)


def _matmul_units(
    step: MatmulStep, sides: Sides, inputs: Sequence[Interval], widths: Sequence[int], inner: int
) -> Iterator[Unit]:
    """`widths`: channels of both inputs and of the output."""
    for index, (codes, fields) in enumerate(zip(inputs, step.operand_fields, strict=True)):
        ends = _constant(codes, widths[index])
        yield _unit(f"{step.name}, operand {index}", sides, step.kind, PipelineRole.OPERAND, fields, *ends)
    sums = []
    for side in sides:
        _, reached = step.reachable(inputs, inner, side)
        sums.append(reached.clamped(Interval.of(side.mac.accumulator.register)))
    ends = _constant(sums[0].hull(sums[1]), widths[2])
    yield _unit(step.name, sides, step.kind, PipelineRole.RESULT, step.fields, *ends)


def _resize_unit(step: ResizeBilinearStep, sides: Sides, codes: Interval, channels: int) -> Unit:
    first, second = (blended(codes, side.fields[RESIZE_WEIGHT].bits) for side in sides)
    ends = _constant(first.hull(second), channels)
    return _unit(step.name, sides, "resize", PipelineRole.RESULT, step.fields, *ends)


def _concat_units(
    step: ConcatStep | ExtremeStep, sides: Sides, inputs: Sequence[Interval], widths: Sequence[int]
) -> Iterator[Unit]:
    for index, (codes, fields) in enumerate(zip(inputs, step.operand_fields, strict=True)):
        if fields is not None:
            ends = _constant(codes, widths[index])
            yield _unit(f"{step.name}, input {index}", sides, step.kind, PipelineRole.OPERAND, fields, *ends)
