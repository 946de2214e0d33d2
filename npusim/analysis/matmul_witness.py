"""Inputs that take accumulators of a product of two computed matrices to the ends of their range."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from npusim.analysis.bounds import End
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.spec.pipeline import run
from npusim.spec.stages import Fields
from npusim.steps.matmul import MatmulStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.slice import SliceStep

Codes = npt.NDArray[np.int64]


def extreme_codes(
    step: MatmulStep, inputs: Sequence[Interval], end: End, datapath: Datapath
) -> tuple[int, int]:
    """The pair of codes whose product, the operand pipelines behind them, is the least or greatest.

    All products of a column may be this one: its accumulator then reaches the end of its range.
    """
    stages = step.operand_stages(datapath)

    def value(code: int, index: int) -> int:
        fields: Fields = {name: int(np.min(held)) for name, held in step.operand_fields[index].items()}
        return run(stages, code, fields).result

    first, second = ((codes.low, codes.high) for codes in inputs)
    choose = min if end is End.LOW else max
    return choose(product(first, second), key=lambda pair: value(pair[0], 0) * value(pair[1], 1))


def one_input(program: Program, step: MatmulStep, datapath: Datapath) -> Program:
    """The step as a program of one vector, which holds the first matrix and behind it the second.

    Raises
    ------
    InputError
        If both matrices are the same tensor: then they do not vary freely.
    """
    if step.inputs[0] == step.inputs[1]:
        raise InputError("one tensor multiplied with itself has no witnesses", found=step.name)
    types = program.input_types(step)
    sizes = [int(np.prod(x.shape)) for x in types]
    tensors = {"operands": types[0].replace(shape=(sum(sizes),))}
    steps: list[SliceStep | ReshapeStep | MatmulStep] = []
    start = 0
    for name, kind, size in zip(step.inputs, types, sizes, strict=True):
        flat = f"{name}/flat"
        steps.append(
            SliceStep(name=flat, inputs=("operands",), output=flat, cuts=((start, start + size, 1),))
        )
        steps.append(ReshapeStep(name=name, inputs=(flat,), output=name, shape=kind.shape))
        tensors |= {flat: kind.replace(shape=(size,)), name: kind}
        start += size
    return Program(
        name=step.name,
        input_names=("operands",),
        output_names=(step.output,),
        tensors={**tensors, step.output: program.tensors[step.output]},
        steps=(*steps, step),
        datapath=datapath,
    )


def joined(program: Program, step: MatmulStep, pairs: Sequence[tuple[int, int]]) -> Codes:
    """Batches of such vectors: each pair fills both matrices."""
    sizes = [int(np.prod(x.shape)) for x in program.input_types(step)]
    return np.stack([np.repeat(np.array(pair, np.int64), sizes) for pair in pairs])
