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

    def values(self, tensor: str) -> Tensor:
        """A tensor in real units, channels second."""
        import torch

        return torch.from_numpy(_channels_second(real_values(self.program, tensor, self.exact[tensor])))


class Run:
    """One run of a program, exactly, and the way back from its answers to its biases.

    Only clamps and, where a step is not linear, its inputs are read on the way back: there is no forward pass
    but the simulator's.

    Parameters
    ----------
    inputs
        Codes.

    Attributes
    ----------
    place
        The program, and the codes of all its tensors.
    outputs
        The answers in real units, exactly the simulator's: leaves that a loss is computed from.

    Raises
    ------
    InputError
        If a tensor has no scale.
    """

    def __init__(self, program: Program, inputs: Mapping[str, Codes]) -> None:
        made = [step.output for step in program.ordered_steps]
        watched = program.replace(output_names=tuple(made))
        exact = {**inputs, **Simulator(watched).run(inputs).outputs}
        self.place = Place(program, exact)
        self.outputs = {name: self.place.values(name).requires_grad_() for name in program.output_names}

    def gradients(self) -> dict[str, Tensor]:
        """By what each bias of a MAC step is worth: the gradient that a loss has put on `outputs`, led back.

        Raises
        ------
        InputError
            If a step has no gradient here.
        """
        program = self.place.program
        arrived = {name: x.grad for name, x in self.outputs.items() if x.grad is not None}
        found: dict[str, Tensor] = {}
        tuned = _behind_biases(program)
        for step in reversed(program.ordered_steps):
            gradient = arrived.pop(step.output, None)
            if gradient is None:
                continue
            gradient = self._through_clamp(step, gradient)
            if isinstance(step, MacStep):
                found[step.name] = gradient.sum(dim=[axis for axis in range(gradient.ndim) if axis != 1])
            if not tuned & set(step.inputs):
                continue
            for name, part in zip(step.inputs, pulled(step, gradient, self.place), strict=True):
                if name in tuned:
                    arrived[name] = part + arrived[name] if name in arrived else part
        return found

    def _through_clamp(self, step: Step, gradient: Tensor) -> Tensor:
        """Nothing goes back where the step's clamp held a value."""
        import torch

        low, high = (getattr(step, "fields", {}).get(name) for name in ("low", "high"))
        if isinstance(step, ClampStep):
            low, high = step.low, step.high
        codes, held = self.place.exact[step.output], None
        for at_bound in (None if low is None else codes <= low, None if high is None else codes >= high):
            if at_bound is not None:
                held = at_bound if held is None else held | at_bound
        return gradient if held is None else gradient * ~torch.from_numpy(_channels_second(held))


def _behind_biases(program: Program) -> set[str]:
    """The tensors that depend on some bias."""
    found: set[str] = set()
    for step in program.ordered_steps:
        if isinstance(step, MacStep) or found & set(step.inputs):
            found.add(step.output)
    return found


@singledispatch
def pulled(step: Step, gradient: Tensor, place: Place) -> Sequence[Tensor]:
    """The gradient by each input of a step, from that by its output before the clamp."""
    import torch

    leaves = [place.values(name).requires_grad_() for name in step.inputs]
    return torch.autograd.grad(linear_part(step, leaves, place), leaves, gradient)


@pulled.register(MacStep)
def _pulled_mac(step: MacStep, gradient: Tensor, place: Place) -> Sequence[Tensor]:
    from torch.nn.grad import conv2d_input

    weights = _real_weights(step, place)
    shape = place.exact[step.inputs[0]].shape
    if step.operation is MacOperation.DENSE:
        return [(gradient.movedim(1, -1) @ weights).movedim(-1, 1)]
    (top, bottom), (left, right) = step.padding
    count, height, width, channels = shape
    padded = (count, channels, height + top + bottom, width + left + right)
    groups = channels if step.operation is MacOperation.DEPTHWISE_CONV2D else step.groups
    kernels = weights.permute(0, 3, 1, 2)
    made: Tensor = conv2d_input(padded, kernels, gradient, step.stride, (0, 0), step.dilation, groups)  # type: ignore[no-untyped-call]
    return [made[:, :, top : top + height, left : left + width]]


def _real_weights(step: MacStep, place: Place) -> Tensor:
    """What weights multiply inputs by, both in real units."""
    import torch

    worth = np.asarray(place.program.real.accumulators[step.name]) / place.unit(step.inputs[0])
    real = step.weights * worth.reshape(-1, *[1] * (step.weights.ndim - 1))
    return torch.from_numpy(real.astype(np.float32))


def real_values(program: Program, tensor: str, codes: Codes) -> npt.NDArray[np.float32]:
    """``scale * (code - zero_point)``, without a tensor's factors: what the next step multiplies."""
    meaning = program.real.tensors.get(tensor)
    if meaning is None:
        raise InputError("the program gives this tensor no scale", key="real.tensors", found=tensor)
    real = codes.astype(np.float32)  # exact: codes have at most 16 bits
    real -= np.float32(meaning.zero_point)
    real *= np.float32(meaning.scale)
    return real


@singledispatch
def linear_part(step: Step, inputs: Sequence[Tensor], place: Place) -> Tensor:
    """A step other than a MAC step in real numbers, up to a constant."""
    raise InputError(
        f"a {step.kind} step has no gradient", key=f"steps.{step.name}", allowed=", ".join(_kinds())
    )


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
