"""Whether a datapath's fields can hold a program: everything that does not fit, and what would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npusim.datapath.model import Datapath, Granularity, RegisterField
from npusim.datapath.operations import PipelineRole
from npusim.errors import InputError
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.stages import Table
from npusim.spec.width import bits_for
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.concat import ConcatStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.fields import PlainFields, needed_fields
from npusim.steps.mac import MacStep
from npusim.steps.mac_array import MacArrayStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.sum_orders import SumOrdersStep
from npusim.steps.table import TableStep


@dataclass(frozen=True)
class Misfit:
    """One thing of a program that a datapath cannot hold.

    Attributes
    ----------
    key
        Inside the step, such as ``fields.shift``.
    found
        The values, as a range or in words.
    allowed
        What the datapath holds.
    sufficient
        The smallest change of the datapath that holds it, as a line of its ``set``; None: there is
        no such line.
    """

    step: str
    key: str
    found: str
    allowed: str
    sufficient: str | None = None

    def __str__(self) -> str:
        text = f"{self.step}: {self.key}: found {self.found}; allowed: {self.allowed}"
        return text if self.sufficient is None else f"{text}; would do: {self.sufficient}"


def legality(program: Program, datapath: Datapath) -> tuple[Misfit, ...]:
    """All of a program that a datapath cannot hold; nothing: it can run there."""
    found: list[Misfit] = []
    for step in program.ordered_steps:
        own = list(_step_misfits(step, datapath))
        found += own or _last_word(program, step, datapath)
    return tuple(found)


def require_legal(program: Program, datapath: Datapath) -> None:
    """Refuse a program that a datapath cannot hold.

    Raises
    ------
    InputError
        Naming everything that does not fit.
    """
    found = legality(program, datapath)
    if found:
        shown = "\n  ".join(str(misfit) for misfit in found[:20])
        more = f"\n  and {len(found) - 20} more" if len(found) > 20 else ""
        raise InputError(f"{datapath.name} cannot hold the program {program.name}:\n  {shown}{more}")


def _last_word(program: Program, step: Step, datapath: Datapath) -> list[Misfit]:
    """What only the step itself knows of."""
    try:
        inputs = program.input_types(step)
        made = step.output_type(inputs, datapath)
        step.check(inputs, datapath)
    except InputError as error:
        return [Misfit(step.name, error.key or "step", str(error.found or error.problem), str(error.allowed))]
    declared = program.tensors[step.output]
    if made != declared:
        codes = (declared.codes.register, made.codes.register)
        return [Misfit(step.name, "output", f"codes of {codes[0]}", f"codes of {codes[1]}")]
    return []


def _step_misfits(step: Step, datapath: Datapath) -> Iterator[Misfit]:
    for operation, role, key, fields in pipelines_of(step):
        pipeline = datapath.pipeline(operation)
        stages = None if pipeline is None else pipeline.stages(role)
        if stages is None:
            known = ", ".join(datapath.pipelines)
            yield Misfit(step.name, operation, "such a step", f"pipelines for {known}")
            return
        for name in needed_fields(stages):
            if name not in fields:
                yield Misfit(step.name, f"{key}.{name}", "nothing", "every field the pipeline reads")
        tables = {stage.table for stage in stages if isinstance(stage, Table)}
        for name, value in fields.items():
            yield from _field_misfits(step.name, f"{key}.{name}", name, value, datapath)
            if np.ndim(value) and name not in tables:
                yield from _granularity_misfits(step.name, f"{key}.{name}", name, value, datapath)
    if isinstance(step, MacArrayStep):
        yield from _mac_misfits(step, datapath)


Fields = tuple[str, PipelineRole, str, PlainFields]
"""(operation, role, key, fields) of a pipeline that a step runs through."""


def pipelines_of(step: Step) -> Iterator[Fields]:
    """Every pipeline a step runs through."""
    match step:
        case MacStep() | RescaleStep():
            yield step.operation.value, PipelineRole.RESULT, "fields", step.fields
        case AveragePoolStep():
            for index in range(len(step.counts)):
                yield "average_pool", PipelineRole.RESULT, "fields", step.fields_of(index)
        case TableStep():
            yield "table", PipelineRole.RESULT, "fields", step.fields
        case SumOrdersStep():
            yield from _operands("expansion", step.operand_fields)
            yield "expansion", PipelineRole.RESULT, "fields", step.fields
        case BinaryStep() | MatmulStep():
            yield from _operands(step.kind, step.operand_fields)
            yield step.kind, PipelineRole.RESULT, "fields", step.fields
        case ConcatStep() | ExtremeStep():
            yield from _operands(step.kind, step.operand_fields)
        case ResizeBilinearStep():
            yield "resize", PipelineRole.RESULT, "fields", step.fields


def _operands(operation: str, operands: Sequence[PlainFields | None]) -> Iterator[Fields]:
    for index, fields in enumerate(operands):
        if fields is not None:
            yield operation, PipelineRole.OPERAND, f"operand_fields[{index}]", fields


def _field_misfits(step: str, key: str, name: str, value: Any, datapath: Datapath) -> Iterator[Misfit]:
    found = Interval(int(np.min(value)), int(np.max(value)))
    register = datapath.fields.get(name)
    if register is None:
        known = ", ".join(datapath.fields)
        sufficient = f"fields.{name}: {{{_register_text(found, None)}}}"
        yield Misfit(step, key, str(found), f"the fields {known}", sufficient)
        return
    if not found.within(register.interval):
        sufficient = f"fields.{name}: {{{_register_text(found, register)}}}"
        yield Misfit(step, key, str(found), str(register.interval), sufficient)


def _granularity_misfits(step: str, key: str, name: str, value: Any, datapath: Datapath) -> Iterator[Misfit]:
    """One value per channel where the layer has one register."""
    register = datapath.fields.get(name)
    if register is not None and register.per is Granularity.LAYER:
        sufficient = f"fields.{name}.per: channel"
        yield Misfit(step, key, f"{np.size(value)} values", "one register per layer", sufficient)


def _register_text(found: Interval, declared: RegisterField | None) -> str:
    """The smallest register for some values, at least as wide as the declared one."""
    signed = found.low < 0 or (declared is not None and declared.signed)
    bits = bits_for(found.low, found.high) if signed else max(found.high.bit_length(), 1)
    per = "layer" if declared is None else declared.per.value
    return f"bits: {bits}, signed: {'true' if signed else 'false'}, per: {per}"


def _mac_misfits(step: MacArrayStep, datapath: Datapath) -> Iterator[Misfit]:
    for key, codes, allowed in (
        ("weights", step.weights, datapath.weight.interval),
        ("bias", step.bias, Interval.of(datapath.mac.bias.register)),
    ):
        found = Interval(int(codes.min()), int(codes.max()))
        if not found.within(allowed):
            place = "weight" if key == "weights" else "mac.bias"
            bits = found.bits if key == "bias" or datapath.weight.signed else found.high.bit_length()
            lower = key == "weights" and bits == datapath.weight.bits
            sufficient = f"weight.low: {found.low}" if lower else f"{place}.bits: {bits}"
            yield Misfit(step.name, key, str(found), str(allowed), sufficient)
    if "weight_zero" in step.fields and np.any(step.weight_zero) and not datapath.weight.zero_point:
        yield Misfit(step.name, "fields.weight_zero", "a zero point", "none", "weight.zero_point: true")


def unnormalised(program: Program, datapath: Datapath) -> tuple[str, ...]:
    """Steps whose greatest multiplier leaves bits of its field unused: legal, but less precise."""
    least = 1 << (datapath.scale.magnitude_bits - 1)
    names = []
    for step in program.ordered_steps:
        held = [fields["multiplier"] for _, _, _, fields in pipelines_of(step) if "multiplier" in fields]
        greatest = [int(np.max(np.abs(value))) for value in held]
        if isinstance(step, (AveragePoolStep, BinaryStep)) and greatest:  # they share one shift
            greatest = [max(greatest)]
        if any(0 < value < least for value in greatest):
            names.append(step.name)
    return tuple(names)
