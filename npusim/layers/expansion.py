"""How a layer whose weights have residual orders, or whose inputs have digits, becomes steps (A7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from npusim.datapath.model import Datapath, Expansion
from npusim.errors import InputError
from npusim.layers.lowering import Lowering
from npusim.quantization import QuantizedWeights
from npusim.spec.convolution import ZeroPoint
from npusim.spec.expansion import ExpansionForm, digit
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import Step
from npusim.steps.digit import DigitStep
from npusim.steps.mac_array import MacOperation
from npusim.steps.rescale import RescaleStep
from npusim.steps.sum_orders import SumOrdersStep

if TYPE_CHECKING:
    from npusim.layers.mac_layer import MacLayer

Codes = npt.NDArray[Any]
Part = Callable[[Codes], Codes]
"""Which of a layer's weights a step reads: all of them, or the taps of a phase."""


@dataclass(frozen=True)
class Product:
    """One pass: an order of the weights times a digit of the inputs, each counted from 1.

    Attributes
    ----------
    shift
        The digit's lowest bit; None: inputs are read whole.
    """

    order: int
    digit: int = 1
    shift: int | None = None

    @property
    def suffix(self) -> str:
        """What names its step and the tensor of its sums, behind the layer's name."""
        own = f".order_{self.order}"
        return own if self.shift is None else f"{own}.digit_{self.digit}"

    def worth(self, lowering: Lowering, x: str, weights: QuantizedWeights) -> list[Fraction]:
        """What one accumulator unit of each channel is worth."""
        unit = lowering.real_scale(x) * (1 << (self.shift or 0))
        one = weights.orders[self.order - 1]
        return [unit * one.channel_scale(o) for o in range(one.outputs)]


def expands(weights: QuantizedWeights, datapath: Datapath) -> bool:
    """Whether a layer takes more than one pass."""
    return bool(weights.residuals) or datapath.operand != datapath.activation.register


def products_of(weights: QuantizedWeights, datapath: Datapath) -> list[Product]:
    """The passes of a layer."""
    shifts: list[int | None] = [None]
    if datapath.operand != datapath.activation.register:
        shifts = [*range(0, datapath.activation.bits, datapath.operand.bits)][::-1]
    every = [
        Product(order, index, shift)
        for order in range(1, len(weights.orders) + 1)
        for index, shift in enumerate(shifts, 1)
    ]
    limit = weights.total_order
    return [one for one in every if limit is None or one.order + one.digit <= limit]


def order_worths(lowering: Lowering, x: str, weights: QuantizedWeights) -> dict[str, list[Fraction]]:
    """What one accumulator unit of each channel is worth, by the suffix of the pass."""
    products = products_of(weights, lowering.datapath)
    return {one.suffix: one.worth(lowering, x, weights) for one in products}


def expanded_steps(
    layer: MacLayer,
    lowering: Lowering,
    name: str,
    output: str,
    part: Part,
    operation: MacOperation,
    geometry: dict[str, Any],
) -> list[Step]:
    """A pass for each product, and what makes codes of their sum."""
    passes = _Passes(layer, lowering, name, part, operation, geometry)
    form = _required(lowering, len(passes.products)).form
    if form is ExpansionForm.SHARED_ACCUMULATOR:
        return passes.in_one_accumulator(output)
    return passes.with_multipliers(output)


def _required(lowering: Lowering, passes: int) -> Expansion:
    found = lowering.datapath.mac.expansion
    if found is None or found.orders < passes:
        raise InputError(
            f"the datapath {lowering.datapath.name} does not sum {passes} passes",
            key="mac.expansion",
            found="none" if found is None else f"orders: {found.orders}",
            allowed="mac.expansion: {orders: 2, form: shared_accumulator, max_shift: 8}"
            if found is None
            else f"mac.expansion.orders: {passes}",
        )
    return found


class _Passes:
    """Makes the passes of one layer, or of one phase of it: what is worth most first."""

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
        self._weights = weights = lowering.weights[layer.name]
        (self._x,) = layer.inputs
        products = products_of(weights, lowering.datapath)
        self.products = sorted(products, key=lambda one: -one.worth(lowering, self._x, weights)[0])
        self._worths = [one.worth(lowering, self._x, weights) for one in self.products]

    def in_one_accumulator(self, output: str) -> list[Step]:
        """The accumulator is shifted by the ratio of the scales; the bias comes behind the last shift."""
        lowering, layer, last = self._lowering, self._layer, len(self.products) - 1
        ratios = [_doublings(a[0] / b[0]) for a, b in pairwise(self._worths)]
        bias = lowering.bias_codes(layer.real_bias, self._worths[-1])
        for index, one in enumerate(self.products):
            bias = bias + (self._folded(one) << sum(ratios[index:]))
        steps, partial = self._digits(), ""
        for index, one in enumerate(self.products):
            own = bias if index == last else np.zeros_like(bias)
            shift = ratios[index - 1] if index else 0
            steps.append(self._pass(one, own, (partial,) if partial else (), shift))
            partial = steps[-1].output
        finest, (y,) = self.products[-1], layer.outputs
        unit = 2.0 ** (finest.shift or 0)
        scales = self._weights.orders[finest.order - 1].scales * unit
        whole = replace(self._weights, scales=scales, residuals=(), total_order=None)
        fields, activation = lowering.output_fields(y, layer.clip, layer.caps)
        steps.append(
            RescaleStep(
                name=self._name,
                inputs=(partial,),
                output=output,
                operation=self._operation,
                fields=fields | layer.scale_fields(lowering, whole, y),
                activation=activation,
            )
        )
        return steps

    def with_multipliers(self, output: str) -> list[Step]:
        """Each accumulator times what its unit is worth; the bias goes with the first."""
        lowering, layer = self._lowering, self._layer
        (y,) = layer.outputs
        passes: list[Step] = []
        for index, one in enumerate(self.products):
            bias = self._folded(one)
            if index == 0:
                bias = bias + lowering.bias_codes(layer.real_bias, self._worths[0])
            passes.append(self._pass(one, bias, (), 0))
        operands, shift = lowering.order_scales([self._reals(one, y) for one in self.products])
        fields, activation = lowering.output_fields(y, layer.clip, layer.caps)
        inverse = lowering.inverse_shifts(self._weights.shifts)
        total = SumOrdersStep(
            name=self._name,
            inputs=tuple(step.output for step in passes),
            output=output,
            operand_fields=operands,
            fields=fields | {"shift": shift} | inverse,
            activation=activation,
        )
        return [*self._digits(), *passes, total]

    def _reals(self, one: Product, y: str) -> list[Fraction]:
        """What takes an accumulator to the output's scale, before the inverse shift."""
        lowering = self._lowering
        x_scale = lowering.real_scale(self._x) * (1 << (one.shift or 0))
        scales = self._weights.orders[one.order - 1].scales
        return [lowering.ratio([x_scale, Fraction(float(s))], lowering.real_scale(y)) for s in scales]

    def _digits(self) -> list[Step]:
        bits = self._lowering.datapath.operand.bits
        shifts = {one.digit: one.shift for one in self.products if one.shift is not None}
        names = {index: f"{self._x}.digit_{index}" for index in shifts}
        return [
            DigitStep(name=names[index], inputs=(self._x,), output=names[index], shift=shift, bits=bits)
            for index, shift in sorted(shifts.items())
        ]

    def _zero(self, one: Product) -> int:
        """The code of real zero in what a pass reads."""
        datapath, zero = self._lowering.datapath, self._lowering.quantization[self._x].zero_point
        if one.shift is None:
            return zero
        return digit(zero, one.shift, datapath.operand.bits, datapath.activation.bits)

    def _codes(self, one: Product) -> Codes:
        residuals = self._weights.residuals
        return self._part(residuals[one.order - 2].codes if one.order > 1 else self._weights.codes)

    def _rows(self, one: Product) -> npt.NDArray[np.int64] | None:
        if one.order == 1:
            return None
        rows = self._weights.residuals[one.order - 2].rows
        return rows if len(rows) < self._weights.outputs else None

    def _folded(self, one: Product) -> npt.NDArray[np.int64]:
        """What a folded zero point takes off each channel's sum of one pass."""
        made = np.zeros(self._weights.outputs, np.int64)
        if self._lowering.datapath.mac.zero_point is ZeroPoint.FOLDED:
            codes, rows = self._codes(one), self._rows(one)
            sums = codes.reshape(len(codes), -1).sum(axis=1, dtype=np.int64)
            made[slice(None) if rows is None else rows] = -self._zero(one) * sums
        return made

    def _pass(
        self, one: Product, bias: npt.NDArray[np.int64], partial: tuple[str, ...], shift: int
    ) -> AccumulateStep:
        name = self._name + one.suffix
        whole = one.shift is None
        fields = self._lowering.input_fields(self._x)
        return AccumulateStep(
            name=name,
            inputs=(self._x if whole else f"{self._x}.digit_{one.digit}", *partial),
            output=name,
            operation=self._operation,
            weights=self._codes(one),
            bias=bias,
            rows=self._rows(one),
            shift=shift,
            fields=fields if whole else fields | {"x_zero": self._zero(one)},
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
            "orders in one accumulator differ by a power of two",
            key="mac.expansion.form",
            found=str(ratio),
            allowed="such ratios, or form: multiplier_per_order",
        )
    return exponent
