"""Gradients of a program: forward the simulator's bits, backward each step's linear part (PyTorch).

Where a clamp saturated the gradient is zero; roundings are taken as the identity (the straight-through
estimator, arXiv 1308.3432). Values are real numbers in PyTorch's layout of images, channels second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.program import Program
from npusim.simulator import Simulator
from npusim.spec.elementwise import Combination
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import Step
from npusim.steps.binary import BinaryStep
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.mac import MacOperation, MacStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.pad import PadStep
from npusim.steps.reshape import ReshapeStep
from npusim.steps.table import TableStep

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
Codes = npt.NDArray[Any]


@dataclass(frozen=True)
class Place:
    """A step among what it reads and makes."""

    program: Program
    exact: Mapping[str, Codes]

    def unit(self, tensor: str) -> float:
        """The real value of one code."""
        return self.program.real.tensors[tensor].scale


def run(
    program: Program, simulator: Simulator, inputs: Mapping[str, Codes], shifts: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The outputs in real units, exactly the simulator's, differentiable by `shifts`.

    Parameters
    ----------
    simulator
        Of the program with its present biases.
    inputs
        Codes.
    shifts
        Per MAC step what its biases were moved by, in real units.

    Raises
    ------
    InputError
        If a step has no gradient here, or a tensor has no scale.
    """
    import torch

    taps = [f"{step.name}:output" for step in program.ordered_steps]
    made = simulator.run(inputs, taps=taps).taps
    exact = {**inputs, **{step.output: made[step.name]["output"] for step in program.ordered_steps}}
    place = Place(program, exact)
    tensors = {
        name: torch.from_numpy(_channels_second(real_values(program, name, exact[name]))) for name in inputs
    }
    for step in program.ordered_steps:
        tensors[step.output] = _step(step, [tensors[name] for name in step.inputs], place, shifts)
    return {name: tensors[name] for name in program.output_names}


def real_values(program: Program, tensor: str, codes: Codes) -> npt.NDArray[np.float32]:
    """``scale * (code - zero_point)``, without a tensor's factors: what the next step multiplies."""
    meaning = program.real.tensors.get(tensor)
    if meaning is None:
        raise InputError("the program gives this tensor no scale", key="real.tensors", found=tensor)
    real = codes.astype(np.float32)  # exact: codes have at most 16 bits
    real -= np.float32(meaning.zero_point)
    real *= np.float32(meaning.scale)
    return real


def _step(step: Step, inputs: Sequence[Tensor], place: Place, shifts: Mapping[str, Tensor]) -> Tensor:
    import torch

    codes = place.exact[step.output]
    values = torch.from_numpy(_channels_second(real_values(place.program, step.output, codes)))
    if not any(x.requires_grad for x in inputs) and step.name not in shifts:
        return values
    soft = linear_part(step, inputs, place)
    if step.name in shifts:
        soft = soft + shifts[step.name].reshape(1, -1, *[1] * (soft.ndim - 2))
    free = torch.from_numpy(_channels_second(_unclamped(step, codes)))
    soft = soft.clone() if soft._base is not None else soft  # a view's values are its input's
    with torch.no_grad():
        soft.copy_(values)
    soft.register_hook(lambda gradient: gradient * free)  # type: ignore[no-untyped-call]
    return soft


def _unclamped(step: Step, codes: Codes) -> npt.NDArray[np.bool_]:
    """Where the step's clamp let a value pass."""
    low, high = (getattr(step, "fields", {}).get(name) for name in ("low", "high"))
    if isinstance(step, ClampStep):
        low, high = step.low, step.high
    free = np.ones(codes.shape, np.bool_)
    if low is not None:
        free &= codes > low
    if high is not None:
        free &= codes < high
    return free


@singledispatch
def linear_part(step: Step, inputs: Sequence[Tensor], place: Place) -> Tensor:
    """The step in real numbers, up to a constant."""
    raise InputError(
        f"a {step.kind} step has no gradient", key=f"steps.{step.name}", allowed=", ".join(_kinds())
    )


@linear_part.register(MacStep)
def _mac(step: MacStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    import torch
    from torch.nn import functional

    (x,) = inputs
    worth = np.asarray(place.program.real.accumulators[step.name]) / place.unit(step.inputs[0])
    real = step.weights * worth.reshape(-1, *[1] * (step.weights.ndim - 1))
    weights = torch.from_numpy(real.astype(np.float32))
    if step.operation is MacOperation.DENSE:
        return (x.movedim(1, -1) @ weights.T).movedim(-1, 1) if x.ndim > 2 else x @ weights.T
    groups = x.shape[1] if step.operation is MacOperation.DEPTHWISE_CONV2D else step.groups
    (top, bottom), (left, right) = step.padding
    even = top == bottom and left == right
    x = x if even else functional.pad(x, (left, right, top, bottom))
    padding = (top, left) if even else (0, 0)
    kernels = weights.permute(0, 3, 1, 2)
    return functional.conv2d(x, kernels, None, step.stride, padding, step.dilation, groups)


@linear_part.register(BinaryStep)
def _binary(step: BinaryStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    a, b = inputs
    rules: dict[Combination, Callable[[Tensor, Tensor], Tensor]] = {
        Combination.SUM: lambda a, b: a + b,
        Combination.DIFFERENCE: lambda a, b: a - b,
        Combination.PRODUCT: lambda a, b: a * b,
    }
    return rules[step.combination](a, b)


@linear_part.register(AveragePoolStep)
def _average_pool(step: AveragePoolStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    from torch.nn import functional

    (top, bottom), (left, right) = step.padding
    sides = (left, right, top, bottom)
    sums = functional.avg_pool2d(
        functional.pad(inputs[0], sides), step.kernel, step.stride, divisor_override=1
    )
    inside = inputs[0].new_ones((1, 1, *inputs[0].shape[2:]))
    padded = functional.pad(inside, sides, value=1.0 if step.count_padding else 0.0)
    made = sums / functional.avg_pool2d(padded, step.kernel, step.stride, divisor_override=1)
    return made if step.keep_dims else made.flatten(1)


@linear_part.register(MaxPoolStep)
def _max_pool(step: MaxPoolStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    from torch.nn import functional

    (top, bottom), (left, right) = step.padding
    padded = functional.pad(inputs[0], (left, right, top, bottom), value=-np.inf)
    return functional.max_pool2d(padded, step.kernel, step.stride)


@linear_part.register(ConcatStep)
def _concat(step: ConcatStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    import torch

    last = [x.movedim(1, -1) for x in inputs]
    axis = step.axis + 1 if step.axis >= 0 else step.axis
    return torch.cat(last, dim=axis).movedim(-1, 1)


@linear_part.register(PadStep)
def _pad(step: PadStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    from torch.nn import functional

    sides = [side for axis in reversed(step.pads) for side in axis]
    return functional.pad(inputs[0].movedim(1, -1), sides).movedim(-1, 1)


@linear_part.register(ReshapeStep)
def _reshape(step: ReshapeStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    (x,) = inputs
    return x.movedim(1, -1).reshape(len(x), *step.shape).movedim(-1, 1)


@linear_part.register(ClampStep)
def _clamp(step: ClampStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    return inputs[0]


@linear_part.register(TableStep)
def _table(step: TableStep, inputs: Sequence[Tensor], place: Place) -> Tensor:
    """The slope between a code's neighbours in the table."""
    import torch

    x, y = step.inputs[0], step.output
    lowest = place.program.tensors[x].codes.interval.low
    slopes = np.gradient(np.asarray(step.fields["table"], np.float64)) * place.unit(y) / place.unit(x)
    at = slopes[place.exact[x].astype(np.int64) - lowest].astype(np.float32)
    return inputs[0] * torch.from_numpy(_channels_second(at))


def _channels_second(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view: PyTorch's convolutions like channels last in memory."""
    return np.moveaxis(values, -1, 1) if values.ndim > 2 else values


def _kinds() -> list[str]:
    found = [step.kind for step in linear_part.registry if issubclass(step, Step) and hasattr(step, "kind")]
    return sorted({*found, "add", "sub", "mul"})
