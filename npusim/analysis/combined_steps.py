"""Which steps are `Combined`, and how: elementwise steps, pools, concatenations, tables and their kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Family, Pipeline
from npusim.analysis.combined import Codes, Combine, Combined, Variant
from npusim.analysis.rescale import Rescale
from npusim.analysis.units import pipeline_name
from npusim.analysis.witness import alone
from npusim.datapath.model import Datapath
from npusim.datapath.operations import PipelineRole
from npusim.kernels.combine import EXACTLY
from npusim.program import Program
from npusim.simulator import Simulator
from npusim.spec.elementwise import Choice, Combination
from npusim.spec.stages import BaseStage, Table
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.concat import ConcatStep
from npusim.steps.extreme import ExtremeStep
from npusim.steps.fields import PlainFields
from npusim.steps.matmul import MatmulStep
from npusim.steps.pool_windows import window_counts
from npusim.steps.recode import RecodeStep
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.table import TableStep

OPERAND, RESULT = PipelineRole.OPERAND, PipelineRole.RESULT
CHOICES = {Choice.MINIMUM: np.minimum, Choice.MAXIMUM: np.maximum}


def combined(step: Step, program: Program, datapath: Datapath) -> Combined | None:
    """A step in this form; None if it has none."""
    build = next((build for kind, build in _BUILDERS.items() if isinstance(step, kind)), None)
    return None if build is None else build(step, program, datapath)


def _place(datapath: Datapath, operation: str, role: PipelineRole, *, neighbours: bool = True) -> Pipeline:
    name = f"pipelines.{pipeline_name(datapath, operation)}.{role}"
    return Pipeline(name, datapath.activation.register, datapath.fields, neighbours)


def _operands(
    step: BinaryStep | ExtremeStep | MatmulStep, stages: tuple[BaseStage, ...], program: Program
) -> tuple[Rescale | None, ...]:
    sides = zip(program.input_types(step), step.operand_fields, strict=True)
    return tuple(None if fields is None else Rescale(stages, fields, x.shape[-1]) for x, fields in sides)


def _result(step: Step, stages: tuple[BaseStage, ...], fields: PlainFields, program: Program) -> Rescale:
    return Rescale(stages, fields, program.tensors[step.output].shape[-1])


def _binary(step: BinaryStep, program: Program, datapath: Datapath) -> Combined:
    made, place = step.combination, _place(datapath, step.kind, OPERAND)
    others = [
        Variant(Family.OPERANDS, f"a {other} is made of the operands, no {made}", _by(other))
        for other in Combination
        if other is not made
    ]
    if made is Combination.DIFFERENCE:
        text = "the operands of the difference are exchanged"
        others.append(Variant(Family.OPERANDS, text, lambda x: np.subtract(x[1], x[0])))
    return Combined(
        _operands(step, step.operand_stages(datapath), program),
        _by(made),
        place,
        _place(datapath, step.kind, RESULT),
        _result(step, step.result_stages(datapath), step.fields, program),
        point=made.value,
        variants=(*others, *_ONE_ALONE),
    )


def _by(combination: Combination) -> Combine:
    return lambda x: EXACTLY[combination](x[0], x[1])


def _alone(kept: int) -> Combine:
    return lambda x: np.broadcast_to(x[kept], np.broadcast_shapes(x[0].shape, x[1].shape))


_ONE_ALONE = tuple(
    Variant(Family.OPERANDS, f"the {ignored} operand is ignored", _alone(kept))
    for kept, ignored in enumerate(("second", "first"))
)


def _extreme(step: ExtremeStep, program: Program, datapath: Datapath) -> Combined:
    rescaled = any(fields is not None for fields in step.operand_fields)
    other = next(choice for choice in Choice if choice is not step.choice)
    text = f"the {other} is taken, not the {step.choice}"
    place = _place(datapath, step.kind, OPERAND)
    return Combined(
        _operands(step, step.stages(datapath) if rescaled else (), program),
        lambda x: CHOICES[step.choice](x[0], x[1]),
        place,
        place,
        variants=(Variant(Family.OPERANDS, text, lambda x: CHOICES[other](x[0], x[1])), *_ONE_ALONE),
    )


def _concat(step: ConcatStep, program: Program, datapath: Datapath) -> Combined:
    """All rescaled elements side by side, each with the registers of its input."""
    shapes = [x.shape for x in program.input_types(step)]
    axis = step.axis % len(shapes[0])
    given = [fields for fields in step.operand_fields if fields is not None]

    def joined(parts: Sequence[npt.ArrayLike]) -> npt.NDArray[Any]:
        whole = [np.broadcast_to(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        return np.concatenate(whole, axis).reshape(-1)

    rescaled = joined([fields is not None for fields in step.operand_fields])
    columns = {
        name: joined([0 if fields is None else fields[name] for fields in step.operand_fields])[rescaled]
        for name in (given[0] if given else ())
    }
    place = _place(datapath, step.kind, OPERAND, neighbours=False)
    text = "the inputs stand in the other order"
    return Combined(
        (None,) * len(shapes),
        lambda x: np.concatenate(list(x), axis + 1),
        place,
        place,
        Rescale(step.stages(datapath), columns, int(rescaled.sum())) if given else None,
        rescaled,
        variants=(Variant(Family.OPERANDS, text, lambda x: np.concatenate(list(x)[::-1], axis + 1)),),
    )


def _table(step: TableStep, program: Program, datapath: Datapath) -> Combined:
    place = _place(datapath, step.kind, RESULT)
    result = _result(step, step.stages(datapath), step.fields, program)
    return Combined((None,), lambda x: x[0], place, place, result)


def _recode(step: RecodeStep, program: Program, datapath: Datapath) -> Combined | None:
    """Its table as a pipeline of one stage, where all channels share it."""
    if len(step.table) > 1:
        return None
    (x,) = program.input_types(step)
    stage = Table(index_bits=x.bits, index_signed=x.signed)
    result = Rescale((stage,), {stage.table: step.table[0]}, x.shape[-1])
    codes = program.tensors[step.output].codes.register
    place = Pipeline(f"steps.{step.name}", codes, {}, neighbours=False)
    return Combined((None,), lambda x: x[0], place, place, result)


def _resize(step: ResizeBilinearStep, program: Program, datapath: Datapath) -> Combined:
    place = _place(datapath, "resize", RESULT)
    result = _result(step, step.stages(datapath), step.fields, program)
    blend = _simulated(step, program, datapath, "blend")
    return Combined((None,), blend, place, place, result, point="blend")


def _matmul(step: MatmulStep, program: Program, datapath: Datapath) -> Combined:
    return Combined(
        _operands(step, step.operand_stages(datapath), program),
        lambda x: np.matmul(x[0], x[1]),
        _place(datapath, step.kind, OPERAND),
        _place(datapath, step.kind, RESULT),
        _result(step, step.result_stages(datapath), step.fields, program),
        point="accumulator",
    )


def _pool(step: AveragePoolStep, program: Program, datapath: Datapath) -> Combined:
    """Every element with the registers of its window's size."""
    (x,), output = program.input_types(step), program.tensors[step.output]
    size = x.shape[0], x.shape[1]
    counts = window_counts(size, step.kernel, step.stride, step.padding, step.count_padding)
    which = np.repeat(np.searchsorted(step.counts, counts.reshape(-1)), output.shape[-1])
    each = [step.fields_of(index) for index in range(len(step.counts))]
    fields = {name: np.array([int(found[name]) for found in each], np.int64)[which] for name in each[0]}
    place = _place(datapath, step.kind, RESULT, neighbours=False)
    wrong = {"x_zero is not taken off": 0, "x_zero is added, not taken off": -step.x_zero}
    return Combined(
        (None,),
        _simulated(step, program, datapath, "accumulator"),
        place,
        place,
        Rescale(step.stages(datapath), fields, which.size),
        point="accumulator",
        variants=tuple(
            Variant(
                Family.ZERO_POINT,
                text,
                _simulated(step.replace(x_zero=zero), program, datapath, "accumulator"),
            )
            for text, zero in wrong.items()
            if zero != step.x_zero and zero in x.codes.interval
        ),
    )


def _simulated(step: Step, program: Program, datapath: Datapath, point: str) -> Combine:
    """What a step alone records at one of its points."""
    steps = tuple(step if other.name == step.name else other for other in program.steps)
    single = alone(program.replace(steps=steps), step.name, datapath)

    @cache
    def simulator() -> Simulator:
        return Simulator(single)

    def combine(inputs: Sequence[Codes]) -> Codes:
        given = dict(zip(single.input_names, inputs, strict=True))
        return simulator().run(given, taps=[f"{step.name}:{point}"]).taps[step.name][point]

    return combine


_BUILDERS: dict[type[Step], Callable[[Any, Program, Datapath], Combined | None]] = {
    AveragePoolStep: _pool,
    BinaryStep: _binary,
    ConcatStep: _concat,
    ExtremeStep: _extreme,
    MatmulStep: _matmul,
    RecodeStep: _recode,
    ResizeBilinearStep: _resize,
    TableStep: _table,
}
