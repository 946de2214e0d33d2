"""Single-rule changes of a MAC column: what RTL gets wrong between operands and accumulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Family
from npusim.analysis.rescale import Words
from npusim.datapath.model import Datapath
from npusim.kernels.geometry import Geometry
from npusim.kernels.mac import accumulate_ordered
from npusim.kernels.packed import Nest, pack
from npusim.spec.convolution import ZeroPoint
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width
from npusim.steps.base import TensorType
from npusim.steps.mac import MacOperation, MacStep

_MOST_BITS_SHORT = 20


@dataclass(frozen=True, eq=False)
class MacSetup:
    """All that a step's accumulators depend on, besides its input codes.

    Attributes
    ----------
    weights : int16[O, kh, kw, ci]
        Codes.
    weight_zero : int64[O]
    bias : int64[O]
    taken_off, pad_code
        What the MAC subtracts from each code; what stands outside the input.
    """

    weights: npt.NDArray[np.int16]
    weight_zero: Words
    bias: Words
    taken_off: int
    pad_code: int
    groups: int
    nest: Nest
    geometry: Geometry
    column: Column
    lanes: int
    shape: tuple[int, int, int]

    def run(self, images: npt.NDArray[Any]) -> Words:
        """Accumulators of a batch of input codes, int64[images * pixels, O]."""
        wide = images.astype(np.int16).reshape(-1, *self.shape)
        packed = pack(
            self.weights,
            np.int16,
            nest=self.nest,
            groups=self.groups,
            x_zero=self.taken_off,
            weight_zero=self.weight_zero,
            pad_code=self.pad_code,
        )
        parts = [
            accumulate_ordered(
                np.ascontiguousarray(image), packed, self.bias, self.geometry, self.column, self.lanes
            )[0]
            for image in wide
        ]
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class MacChange:
    """One rule of a MAC column, changed."""

    family: Family
    text: str
    apply: Callable[[MacSetup], MacSetup]
    setting: str | None = None


def setup(step: MacStep, x: TensorType, output: TensorType, datapath: Datapath) -> MacSetup:
    """A step's MAC columns as its datapath declares them."""
    depthwise = step.operation is MacOperation.DEPTHWISE_CONV2D
    shape, made = step.image(x.shape), step.image(output.shape)
    weights = step.weights.reshape(step.outputs, *step.kernel, -1)
    return MacSetup(
        weights=weights.astype(np.int16),
        weight_zero=np.broadcast_to(np.asarray(step.weight_zero, np.int64), (step.outputs,)),
        bias=np.ascontiguousarray(step.bias, np.int64),
        taken_off=step.x_zero if datapath.mac.zero_point is ZeroPoint.SUBTRACT else 0,
        pad_code=step.x_zero,
        groups=shape[2] if depthwise else step.groups,
        nest=Nest.DEPTHWISE if depthwise else Nest.CONV2D,
        geometry=Geometry(
            kernel=step.kernel,
            out=(made[0], made[1]),
            stride=step.stride,
            dilation=step.dilation,
            pad_before=(step.padding[0][0], step.padding[1][0]),
        ),
        column=datapath.mac.column,
        lanes=datapath.mac.lanes,
        shape=shape,
    )


def mac_catalogue(made: MacSetup, zero: int) -> Iterator[MacChange]:
    """Every single-rule change of a MAC column.

    Parameters
    ----------
    zero
        The zero point of its input codes.
    """
    yield from _registers(made)
    yield from _biases(made)
    yield from _zero_points(made, zero)
    yield from _operands(made)


def _registers(made: MacSetup) -> Iterator[MacChange]:
    column = made.column
    for short in range(_MOST_BITS_SHORT + 1):
        for rule in Overflow:
            bits = column.accumulator.bits - short
            if bits < 2 or (short == 0 and rule is column.overflow):
                continue
            yield MacChange(
                Family.ACCUMULATOR if short else Family.OVERFLOW,
                f"the accumulator has {bits} bits and {rule}s",
                _with_register(Width(bits), rule),
                f"mac.accumulator: {{bits: {bits}, overflow: {rule}}}",
            )


def _replacing(**parts: Any) -> Callable[[MacSetup], MacSetup]:
    return lambda made: replace(made, **parts)


def _with_register(register: Width, rule: Overflow) -> Callable[[MacSetup], MacSetup]:
    def apply(made: MacSetup) -> MacSetup:
        column = replace(made.column, accumulator=register, overflow=rule)
        bias = np.clip(made.bias, register.low, register.high)
        if rule is Overflow.WRAP:
            bias = (made.bias << (64 - register.bits)) >> (64 - register.bits)
        return replace(made, column=column, bias=bias)

    return apply


def _biases(made: MacSetup) -> Iterator[MacChange]:
    place = next(place for place in BiasPlace if place is not made.column.bias_place)
    yield MacChange(
        Family.BIAS,
        f"the bias is added {'after the last' if place is BiasPlace.LATE else 'before the first'} beat",
        _replacing(column=replace(made.column, bias_place=place)),
        f"mac.bias.place: {place}",
    )
    for text, bias in (
        ("left out", 0 * made.bias),
        ("added twice", 2 * made.bias),
        ("subtracted", -made.bias),
        ("that of the previous channel", np.roll(made.bias, 1)),
        ("that of the next channel", np.roll(made.bias, -1)),
    ):
        family = Family.CHANNEL if "channel" in text else Family.BIAS
        yield MacChange(family, f"the bias is {text}", _replacing(bias=bias))
    for amount in (1, -1):
        text = f"the accumulator is off by {amount:+d}"
        yield MacChange(Family.OFF_BY_ONE, text, _replacing(bias=made.bias + amount))


def _zero_points(made: MacSetup, zero: int) -> Iterator[MacChange]:
    weights = made.weights - made.weight_zero[:, None, None, None]
    share = zero * weights.sum(axis=(1, 2, 3))
    folded = made.taken_off == 0
    for text, times in (("is not taken off", 1), ("is added, not taken off", 2), ("is taken off twice", -1)):
        bias = made.bias + times * share
        if folded:
            yield MacChange(Family.ZERO_POINT, f"x_zero {text}", _replacing(bias=bias))
        else:
            kept = zero * (1 - times)
            yield MacChange(Family.ZERO_POINT, f"x_zero {text}", _replacing(taken_off=kept))
    yield MacChange(Family.PADDING, "padding holds the code 0, not x_zero", _replacing(pad_code=0))
    negative = "padding holds -x_zero, not x_zero"
    yield MacChange(Family.PADDING, negative, _replacing(pad_code=-zero))


def _operands(made: MacSetup) -> Iterator[MacChange]:
    flat = made.weights.reshape(made.weights.shape[0], -1)
    block = made.lanes if made.nest is Nest.DEPTHWISE else min(made.lanes, made.weights.shape[3])
    for text, part in (("first", slice(0, block)), ("last", slice(-(flat.shape[1] % block or block), None))):
        less = flat.copy()
        less[:, part] = made.weight_zero[:, None]
        weights = less.reshape(made.weights.shape)
        yield MacChange(Family.OFF_BY_ONE, f"the {text} beat is left out", _replacing(weights=weights))
    for step, text in ((1, "previous"), (-1, "next")):
        rolled = np.roll(made.weights, step, axis=0)
        yield MacChange(
            Family.CHANNEL,
            f"the weights are those of the {text} channel",
            _replacing(weights=rolled),
        )
