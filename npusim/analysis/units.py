"""What there is to compare between two datapaths: every rescale of a program, over its proven values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npusim.analysis.bounds import Moment
from npusim.analysis.code_ranges import COPIES, combined_range, order_range
from npusim.analysis.comparison import Unit
from npusim.analysis.proof import ProofReport, prove
from npusim.analysis.rescale import Rescale, Words
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PIPELINES, RESIZE_WEIGHT, PipelineRole
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.argmax import ArgmaxStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.constant import ConstantStep
from npusim.steps.digit import DigitStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.fields import PlainFields
from npusim.steps.interleave import InterleaveStep
from npusim.steps.mac import MacStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.pad import PadStep
from npusim.steps.pipelines import require_pipeline
from npusim.steps.recode import RecodeStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.resize_bilinear import ResizeBilinearStep, blended
from npusim.steps.sum_orders import SumOrdersStep
from npusim.steps.table import TableStep

_WITHOUT_RESCALE: tuple[type[Step], ...] = (
    AccumulateStep,
    ArgmaxStep,
    ClampStep,
    ConstantStep,
    DigitStep,
    InterleaveStep,
    PadStep,
    RecodeStep,
    *COPIES,
)
_OPERANDS = (BinaryStep, MatmulStep, ConcatStep, ExtremeStep, SumOrdersStep)
_WITH_RESCALE: tuple[type[Step], ...] = (
    MacStep,
    RescaleStep,
    AveragePoolStep,
    ResizeBilinearStep,
    TableStep,
    *_OPERANDS,
)


@dataclass(frozen=True, eq=False)
class _Station:
    """One pipeline of a step on one datapath.

    Attributes
    ----------
    low, high : int64[channels]
        The values that can enter it.
    """

    name: str
    operation: str
    role: PipelineRole
    fields: PlainFields
    low: Words
    high: Words

    def rescale(self, datapath: Datapath) -> Rescale:
        stages = require_pipeline(datapath, self.operation, self.role)
        return Rescale(stages, self.fields, len(self.low))


def program_units(left: Program, right: Program) -> list[Unit]:
    """Every rescale of a program, over the values that it can reach on either datapath.

    Parameters
    ----------
    left, right
        One program on two datapaths: from `scales.translated`.
    """
    sides = left.datapath, right.datapath
    ours, theirs = (list(_stations(program, prove(program))) for program in (left, right))
    found = []
    for one, other in zip(ours, theirs, strict=True):
        low, high = np.minimum(one.low, other.low), np.maximum(one.high, other.high)
        place = f"{pipeline_name(sides[0], one.operation)}.{one.role}"
        found.append(Unit(one.name, place, one.rescale(sides[0]), other.rescale(sides[1]), low, high))
    return found


def not_compared(program: Program) -> tuple[str, ...]:
    """Steps of kinds that this comparison does not know, and their kinds."""
    known = (*_WITH_RESCALE, *_WITHOUT_RESCALE)
    return tuple(
        f"{step.name} ({step.kind})" for step in program.ordered_steps if not isinstance(step, known)
    )


def pipeline_name(datapath: Datapath, operation: str) -> str:
    """The name under which a datapath declares an operation's pipelines."""
    fallback = PIPELINES[operation].fallback
    known = operation in datapath.pipelines or fallback is None
    return operation if known else pipeline_name(datapath, str(fallback))


def _stations(program: Program, proof: ProofReport) -> Iterator[_Station]:
    for step in program.ordered_steps:
        if isinstance(step, _OPERANDS):
            yield from _operands(step, program, proof)
        if isinstance(step, _WITH_RESCALE) and not isinstance(step, (ConcatStep, ExtremeStep)):
            yield from _results(step, program, proof)


def _operands(
    step: BinaryStep | MatmulStep | ConcatStep | ExtremeStep | SumOrdersStep,
    program: Program,
    proof: ProofReport,
) -> Iterator[_Station]:
    for index, (name, fields) in enumerate(zip(step.inputs, step.operand_fields, strict=True)):
        if fields is not None:
            ends = _constant(proof.codes[name], program.tensors[name].shape[-1])
            text = f"{step.name}, operand {index}"
            kind = "expansion" if isinstance(step, SumOrdersStep) else step.kind
            yield _Station(text, kind, PipelineRole.OPERAND, fields, *ends)


def _results(step: Step, program: Program, proof: ProofReport) -> Iterator[_Station]:
    datapath, channels = program.datapath, int(program.tensors[step.output].shape[-1])
    inputs, role = [proof.codes[name] for name in step.inputs], PipelineRole.RESULT
    match step:
        case MacStep():
            held = _held(proof, step.name, channels)
            yield _Station(step.name, step.operation.value, role, step.fields, *held)
        case RescaleStep():
            ends = _constant(inputs[0], channels)
            yield _Station(step.name, step.operation.value, role, step.fields, *ends)
        case SumOrdersStep():
            ends = _constant(order_range(step, inputs, datapath), channels)
            yield _Station(step.name, "expansion", role, step.fields, *ends)
        case MatmulStep():
            yield _Station(step.name, step.kind, role, step.fields, *_held(proof, step.name, channels))
        case AveragePoolStep():
            for index, count in enumerate(step.counts):
                name, held = f"{step.name}, windows of {count}", _held(proof, step.name, channels)
                yield _Station(name, step.kind, role, step.fields_of(index), *held)
        case BinaryStep():
            ends = _constant(combined_range(step, inputs, datapath), channels)
            yield _Station(step.name, step.kind, role, step.fields, *ends)
        case ResizeBilinearStep():
            blends = blended(inputs[0], datapath.fields[RESIZE_WEIGHT].bits)
            yield _Station(step.name, "resize", role, step.fields, *_constant(blends, channels))
        case TableStep():
            yield _Station(step.name, step.kind, role, step.fields, *_constant(inputs[0], channels))


def _held(report: ProofReport, name: str, channels: int) -> tuple[Words, Words]:
    """The least and greatest accumulators of each channel: anything, once they can overflow."""
    proof = report.step(name)
    if proof.overflow_possible:
        return _constant(Interval.of(proof.register), channels)
    low, high = proof.reachable.low(Moment.FINAL), proof.reachable.high(Moment.FINAL)
    return np.broadcast_to(low, (channels,)), np.broadcast_to(high, (channels,))


def _constant(interval: Interval, channels: int) -> tuple[Words, Words]:
    return np.full(channels, interval.low, np.int64), np.full(channels, interval.high, np.int64)
