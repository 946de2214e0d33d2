"""A program of `wes_npu` in plain NumPy: what an exact model costs that nobody tuned.

Sums are float64 matrix products, which are exact below 2**53. Convolutions, add, average pool, reshape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import Program
from npusim.steps.add import AddStep
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.reshape import ReshapeStep

Codes = npt.NDArray[Any]


def run(program: Program, codes: Codes) -> Codes:
    """One image of a program with one input and one output."""
    tensors = {program.input_names[0]: codes}
    for step in program.ordered_steps:
        tensors[step.output] = _step(step, [tensors[name] for name in step.inputs])
    return tensors[program.output_names[0]]


def _step(step: Step, inputs: list[Codes]) -> Codes:
    match step:
        case MacStep():
            return _rescale(_sums(step, inputs[0]) + step.bias, step.fields)
        case AddStep():
            terms = [
                (x.astype(np.int64) - fields["x_zero"]) * fields["multiplier"]
                for x, fields in zip(inputs, step.operand_fields, strict=True)
            ]
            return _rescale(terms[0] + terms[1], {**step.fields, "multiplier": 1})
        case AveragePoolStep() if len(step.counts) == 1 and step.kernel == inputs[0].shape[:2]:
            sums = inputs[0].astype(np.int64).sum(axis=(0, 1), keepdims=step.keep_dims)
            return _rescale(sums - int(step.counts[0]) * step.x_zero, step.fields_of(0))
        case ReshapeStep():
            return inputs[0].reshape(step.shape)
    raise NotImplementedError(step.kind)


def _sums(step: MacStep, x: Codes) -> npt.NDArray[np.int64]:
    weights = step.weights.astype(np.float64)
    if step.operation is MacOperation.DENSE:
        return (weights @ x.astype(np.float64)).astype(np.int64)
    padded = np.pad(x, (*step.padding, (0, 0)), constant_values=step.x_zero).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, step.kernel, axis=(0, 1))
    windows = windows[:: step.stride[0], :: step.stride[1]]
    if step.operation is MacOperation.DEPTHWISE_CONV2D:
        return np.einsum("hwcyx,cyx->hwc", windows, weights[..., 0]).astype(np.int64)
    patches = windows.transpose(0, 1, 3, 4, 2).reshape(*windows.shape[:2], -1)
    return (patches @ weights.reshape(step.outputs, -1).T).astype(np.int64)


def _rescale(sums: npt.NDArray[np.int64], fields: Any) -> Codes:
    shift = np.asarray(fields["shift"] + fields.get("inverse_shift", 0), np.int64)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    scaled = (sums * fields["multiplier"] + half) >> np.minimum(shift, 63)
    return np.clip(scaled + fields["y_zero"], fields["low"], fields["high"]).astype(np.int8)
