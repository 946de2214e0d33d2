"""How a layer whose weights have residual orders becomes steps (A7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Expansion
from npusim.errors import InputError
from npusim.layers.lowering import Lowering
from npusim.quantization import QuantizedWeights
from npusim.spec.convolution import ZeroPoint
from npusim.spec.expansion import ExpansionForm
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import Step
from npusim.steps.mac_array import MacOperation
from npusim.steps.rescale import RescaleStep
from npusim.steps.sum_orders import SumOrdersStep

if TYPE_CHECKING:
    from npusim.layers.mac_layer import MacLayer

Codes = npt.NDArray[Any]
Part = Callable[[Codes], Codes]
"""Which of a layer's weights a step reads: all of them, or the taps of a phase."""


def order_name(name: str, order: int) -> str:
    """The step, and the tensor, that holds the sums after an order's pass."""
    return f"{name}.order_{order}"


def order_of(step: AccumulateStep) -> int:
    """Which order a pass adds: 1, 2, ..."""
    return int(step.name.rpartition(".order_")[2])


def require_expansion(lowering: Lowering, orders: int) -> Expansion:
    """What the datapath declares; raises InputError if it cannot sum so many orders."""
    found = lowering.datapath.mac.expansion
    if found is None or found.orders < orders:
        raise InputError(
            f"the datapath {lowering.datapath.name} does not sum {orders} orders",
            key="mac.expansion",
            found="none" if found is None else f"orders: {found.orders}",
            allowed="mac.expansion: {orders: 2, form: shared_accumulator, max_shift: 8}"
            if found is None
            else f"mac.expansion.orders: {orders}",
        )
    return found


def expanded_steps(
    layer: MacLayer,
    lowering: Lowering,
    name: str,
    output: str,
    part: Part,
    operation: MacOperation,
    geometry: dict[str, Any],
) -> list[Step]:
    """A pass for each order, and what makes codes of their sum."""
    weights = lowering.weights[layer.name]
    form = require_expansion(lowering, len(weights.orders)).form
    passes = _Passes(layer, lowering, name, part, operation, geometry)
    if form is ExpansionForm.SHARED_ACCUMULATOR:
        return passes.in_one_accumulator(output)
    return passes.with_multipliers(output)


def order_worths(lowering: Lowering, x: str, weights: QuantizedWeights) -> list[list[Fraction]]:
    """What one accumulator unit of each channel is worth in each order's pass."""
    x_scale = lowering.real_scale(x)
    return [[x_scale * one.channel_scale(o) for o in range(one.outputs)] for one in weights.orders]


class _Passes:
    """Makes the passes of one layer, or of one phase of it."""

    def __init__(
        self,
        layer: MacLayer,
        lowering: Lowering,
        name: str,
        part: Part,
        operation: MacOperation,
        geometry: dict[str, Any],
    ) -> None:
        self._layer, self._lowering, self._name, self._part = layer, lowering, name, part
        self._operation, self._geometry = operation, geometry
        self._weights = lowering.weights[layer.name]
        self._worths = order_worths(lowering, layer.inputs[0], self._weights)

    def in_one_accumulator(self, output: str) -> list[Step]:
        """The accumulator is shifted by the ratio of the scales; the bias comes behind the last shift."""
        lowering, count = self._lowering, len(self._worths)
        ratios = [_doublings(a[0] / b[0]) for a, b in pairwise(self._worths)]
        bias = lowering.bias_codes(self._layer.real_bias, self._worths[-1])
        for order in range(count):
            bias = bias + (self._folded(order) << sum(ratios[order:]))
        steps: list[Step] = []
        for order in range(count):
            partial = (order_name(self._name, order),) if order else ()
            own = bias if order == count - 1 else np.zeros_like(bias)
            steps.append(self._pass(order, own, partial, ratios[order - 1] if order else 0))
        finest = replace(self._weights, scales=self._scales(count - 1), residuals=())
        fields, activation = lowering.output_fields(
            self._layer.outputs[0], self._layer.clip, self._layer.caps
        )
        steps.append(
            RescaleStep(
                name=self._name,
                inputs=(steps[-1].output,),
                output=output,
                operation=self._operation,
                fields=fields | self._layer.scale_fields(lowering, finest, self._layer.outputs[0]),
                activation=activation,
            )
        )
        return steps

    def with_multipliers(self, output: str) -> list[Step]:
        """Each order's accumulator times what its unit is worth; the bias goes with the first."""
        lowering, layer = self._lowering, self._layer
        (y,) = layer.outputs
        steps: list[Step] = []
        for order in range(len(self._worths)):
            bias = self._folded(order)
            if order == 0:
                bias = bias + lowering.bias_codes(layer.real_bias, self._worths[0])
            steps.append(self._pass(order, bias, (), 0))
        x_scale, y_scale = lowering.real_scale(layer.inputs[0]), lowering.real_scale(y)
        reals = [
            [lowering.ratio([x_scale, Fraction(float(scale))], y_scale) for scale in self._scales(order)]
            for order in range(len(self._worths))
        ]
        operands, shift = lowering.order_scales(reals)
        fields, activation = lowering.output_fields(y, layer.clip, layer.caps)
        inverse = lowering.inverse_shifts(self._weights.shifts)
        steps.append(
            SumOrdersStep(
                name=self._name,
                inputs=tuple(step.output for step in steps),
                output=output,
                operand_fields=operands,
                fields=fields | {"shift": shift} | inverse,
                activation=activation,
            )
        )
        return steps

    def _scales(self, order: int) -> npt.NDArray[np.float64]:
        return self._weights.residuals[order - 1].scales if order else self._weights.scales

    def _codes(self, order: int) -> Codes:
        return self._part(self._weights.residuals[order - 1].codes if order else self._weights.codes)

    def _folded(self, order: int) -> npt.NDArray[np.int64]:
        """What a folded zero point takes off each channel's sum of one order."""
        made = np.zeros(self._weights.outputs, np.int64)
        if self._lowering.datapath.mac.zero_point is ZeroPoint.FOLDED:
            codes = self._codes(order)
            zero = self._lowering.quantization[self._layer.inputs[0]].zero_point
            sums = codes.reshape(len(codes), -1).sum(axis=1, dtype=np.int64)
            made[self._weights.residuals[order - 1].rows if order else slice(None)] = -zero * sums
        return made

    def _pass(
        self, order: int, bias: npt.NDArray[np.int64], partial: tuple[str, ...], shift: int
    ) -> AccumulateStep:
        name, rows = order_name(self._name, order + 1), None
        if order and len(self._weights.residuals[order - 1].rows) < self._weights.outputs:
            rows = self._weights.residuals[order - 1].rows
        (x,) = self._layer.inputs
        return AccumulateStep(
            name=name,
            inputs=(x, *partial),
            output=name,
            operation=self._operation,
            weights=self._codes(order),
            bias=bias,
            rows=rows,
            shift=shift,
            fields=self._lowering.input_fields(x),
            **self._geometry,
        )


def _doublings(ratio: Fraction) -> int:
    """The exponent of a power of two.

    Examples
    --------
    >>> _doublings(Fraction(16))
    4
    """
    exponent = ratio.numerator.bit_length() - 1
    if ratio != Fraction(2) ** exponent:
        raise InputError(
            "orders in one accumulator differ by a power of two", key="mac.expansion.form", found=str(ratio),
            allowed="such ratios, or form: multiplier_per_order",
        )  # fmt: skip
    return exponent
