"""The rest of a program from some step on, as a program of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.input_codes import quantize_floats
from npusim.program import Program, Real
from npusim.simulator import dequantize, simulate

Codes = npt.NDArray[Any]


def suffix(program: Program, first: int) -> Program:
    """The steps from number `first` on, in execution order; it reads what the steps before it made.

    Examples
    --------
    >>> from npusim.demo import bundled
    >>> import npusim
    >>> program = npusim.compile(npusim.load_network(bundled("digits.yaml")), "wes_npu")
    >>> suffix(program, len(program.steps) - 1).input_names == program.ordered_steps[-1].inputs
    True
    """
    steps = program.ordered_steps[first:]
    made = {step.output for step in steps}
    read = [name for step in steps for name in step.inputs] + list(program.output_names)
    inputs = tuple(dict.fromkeys(name for name in read if name not in made))
    kept = {*inputs, *made}
    real = Real(tensors={name: found for name, found in program.real.tensors.items() if name in kept})
    return program.replace(
        input_names=inputs,
        tensors={name: found for name, found in program.tensors.items() if name in kept},
        steps=steps,
        real=real,
    )


def ideal_codes(program: Program, tensor: str, real: npt.NDArray[np.floating[Any]]) -> Codes:
    """The codes nearest to what the float network holds in a tensor."""
    meaning, kind = program.real.tensors[tensor], program.tensors[tensor]
    values = real.astype(np.float64)
    values = values if meaning.offsets is None else values - meaning.offsets
    values = values if meaning.factors is None else values / meaning.factors
    return quantize_floats(values, meaning.scale, meaning.zero_point, kind.codes.interval).astype(kind.dtype)


def answer(program: Program, tensors: Mapping[str, Codes], threads: int | None = None) -> dict[str, Codes]:
    """Its outputs in real units; outputs that are inputs are passed through."""
    names = tuple(name for name in program.output_names if name not in program.input_names)
    made = {name: tensors[name] for name in program.output_names if name in program.input_names}
    if names:
        inputs = {name: tensors[name] for name in program.input_names}
        made |= simulate(program.replace(output_names=names), inputs, threads=threads).outputs
    return {name: dequantize(program, name, codes) for name, codes in made.items()}
