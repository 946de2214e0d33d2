"""REx: residual quantization error expansion (arXiv 2203.14645; algorithms.md 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.compiler.data_free import propagate
from npusim.compiler.passes.quantize_weights import WeightRounding
from npusim.compiler.residuals import digit_orders, residual_orders, with_rows
from npusim.compiler.row_budget import Offer, choose_rows
from npusim.datapath.model import Expansion
from npusim.errors import InputError
from npusim.layers.mac_layer import MacLayer
from npusim.model import Name
from npusim.moments import Moments
from npusim.quantization import Quantization, QuantizedWeights
from npusim.spec.expansion import ExpansionForm

Vector = npt.NDArray[np.float64]


class RowScore(StrEnum):
    """What a row's residual is worth, without data."""

    OUTPUT_NOISE = "output_noise"
    """The noise power that it takes off the row's sums, in steps of the layer's output: inputs as
    batch-norm statistics have them, or uniform over their range where there are none."""
    RESIDUAL_NORM = "residual_norm"
    """What it takes off the squared error of the row's weights, relative to the layer's mean square."""


class Recursion(StrEnum):
    """How an order follows from those before it."""

    DIGITS = "digits"
    """Ratios of ``2**bits``, in one accumulator: orders are rounded so that the ones behind them reach what
    is left (`digit_orders`). Where a datapath has multipliers for the orders, or its operands lack the
    lowest code of a residual: as `nearest`."""
    NEAREST = "nearest"
    """The nearest codes of what is left, as the paper has it (`residual_orders`)."""


class ResidualExpansion(Pass):
    """Quantize what quantization left of the weights, and again, up to some order. After `quantize_weights`.

    The orders are summed inside the layer, before the one rounding, as the datapath's `mac.expansion` can:
    in one accumulator that is shifted between the passes, or behind a multiplier for each order.
    The paper's row norm and its unit of the budget are not known: both are settings (algorithms.md 5.4).

    Attributes
    ----------
    orders
        K, the first included.
    bits
        The width of a residual code; None: that of the layer's first order.
    recursion
        How an order follows from those before it; `nearest` where `ratio_bits` is given.
    ratio_bits
        For nearest codes in a shared accumulator: how far each order's scale lies below that of the
        one before. None: one less than the width, the most at which no residual is clipped; the width
        before the last order, where clipping by one code is no worse than a scale twice as large.
    rounding
        Of the last order's codes; those before it are nearest.
    budget
        Bit-operations that residual orders may cost, in units of what the first order costs; None:
        every row has every order.
    score
        Which rows the budget goes to first.
    total_order
        On a datapath that reads activations in digits: which products of an order k and a digit l are
        computed, those with k + l up to this (algorithms.md 5.3); None: all.
    layers
        For some layers another K, by name: 1 leaves a layer as it is.
    """

    kind: ClassVar[str] = "residual_expansion"

    pass_: Literal["residual_expansion"] = Field("residual_expansion", alias="pass")
    orders: int = Field(2, ge=1, le=16)
    bits: int | None = Field(None, ge=2, le=16)
    recursion: Recursion = Recursion.DIGITS
    ratio_bits: int | None = Field(None, ge=1, le=16)
    rounding: WeightRounding = WeightRounding.NEAREST
    budget: float | None = Field(None, ge=0)
    score: RowScore = RowScore.OUTPUT_NOISE
    total_order: int | None = Field(None, ge=2)
    layers: dict[Name, Annotated[int, Field(ge=1, le=16)]] = Field(default_factory=dict)

    def run(self, state: Compilation) -> Compilation:
        expansion = self._expansion(state)
        names = {layer.name for layer in state.network.layers if isinstance(layer, MacLayer)}
        for name in self.layers:
            if name not in names:
                raise InputError("no layer of this name has weights", key="layers", found=name)
        layers = [layer for layer in state.network.ordered_layers if isinstance(layer, MacLayer)]
        made: dict[str, QuantizedWeights] = {}
        short = []
        for layer in layers:
            if layer.name not in state.weights:
                raise InputError("weights without codes: run quantize_weights first", found=layer.name)
            state.progress(f"residual orders: {layer.name}")
            made[layer.name] = self._expanded(state, layer, expansion)
            orders = len(made[layer.name].orders)
            if orders < self.layers.get(layer.name, self.orders):
                short.append(f"{layer.name} {orders}")
        costs = {layer.name: self._cost(state, layer) for layer in layers}
        whole = sum(costs[layer.name] * layer.output_channels for layer in layers)
        expanded = [layer for layer in layers if made[layer.name].residuals]
        offers = self._offers(state, expanded, made, costs)
        rows, spent = choose_rows(offers, None if self.budget is None else self.budget * whole)
        weights = dict(state.weights)
        for name, chosen in rows.items():
            residuals = with_rows(made[name].residuals, chosen)
            if residuals:
                weights[name] = replace(made[name], residuals=tuple(residuals), total_order=self.total_order)
        count = sum(len(orders) for chosen in rows.values() for orders in chosen)
        state = state.with_(weights=weights).note(
            f"residual expansion: {count} rows of residual orders cost {spent / 1e6:,.1f} M bit-operations, "
            f"{spent / whole:.0%} of the first order's"
        )
        text = "no more orders fit the accumulator, or nothing is left: "
        return state.note(text + ", ".join(short)) if short else state

    def _expansion(self, state: Compilation) -> Expansion:
        found, name = state.datapath.mac.expansion, state.datapath.name
        orders = max(self.orders, *self.layers.values()) if self.layers else self.orders
        greatest = (self._greatest(state, name) for name in state.weights)
        ratio = max((n.bit_length() + 1 for n in greatest), default=1)
        ratio = ratio if self.ratio_bits is None else self.ratio_bits
        if found is None:
            smallest = f"{{orders: {max(orders, 2)}, form: shared_accumulator, max_shift: {ratio}}}"
            raise InputError(
                f"the datapath {name} sums no residual orders",
                key="mac.expansion",
                found="none",
                allowed=f"a datapath such as wes_npu_rex, or one change: mac.expansion: {smallest}",
            )
        if orders > found.orders:
            raise InputError(
                f"the datapath {name} sums fewer orders",
                key="mac.expansion.orders",
                found=found.orders,
                allowed=f"{orders} or more for this recipe",
            )
        if found.form is ExpansionForm.SHARED_ACCUMULATOR and ratio > found.max_shift:
            raise InputError(
                f"the datapath {name} cannot shift its accumulator so far",
                key="mac.expansion.max_shift",
                found=found.max_shift,
                allowed=f"{ratio} or more for this recipe",
            )
        return found

    def _greatest(self, state: Compilation, layer: str) -> int:
        """The greatest residual code of a layer."""
        if self.bits is not None:
            return min(int((1 << (self.bits - 1)) - 1), state.datapath.weight.interval.high)
        used = int(np.abs(state.weights[layer].codes.astype(np.int64)).max())
        return max(min((1 << used.bit_length()) - 1, state.datapath.weight.interval.high), 1)

    def _ratios(self, greatest: int, orders: int) -> list[int | None]:
        if self.ratio_bits is not None:
            return [self.ratio_bits] * (orders - 1)
        bits = greatest.bit_length()
        ratios: list[int | None] = [*[bits] * (orders - 2), bits + 1]
        return ratios[: orders - 1]

    def _expanded(self, state: Compilation, layer: MacLayer, expansion: Expansion) -> QuantizedWeights:
        """A layer's weights with as many orders as are wanted and fit the accumulator."""
        first, greatest = state.weights[layer.name], self._greatest(state, layer.name)
        wanted = self.layers.get(layer.name, self.orders)
        shared = expansion.form is ExpansionForm.SHARED_ACCUMULATOR
        weights, flips = np.asarray(layer.weights, np.float64), self.rounding is WeightRounding.SQUANT
        digits = self.recursion is Recursion.DIGITS and self.ratio_bits is None and shared
        for orders in range(wanted, 1, -1):
            if digits and -greatest - 1 in state.datapath.weight.interval:
                made = digit_orders(weights, first, greatest.bit_length() + 1, orders, flip_last=flips)
            else:
                ratios = [*self._ratios(greatest, orders)] if shared else [None] * (orders - 1)
                found = residual_orders(weights, first, greatest, ratios, flip_last=flips)
                made = replace(first, residuals=tuple(found))
            if not shared or _fits(state, layer, made):
                return made
        return first

    def _cost(self, state: Compilation, layer: MacLayer) -> float:
        """Bit-operations of one row: products of an image, times the widths of both operands."""
        pixels = prod(state.network.shapes[layer.outputs[0]][:-1])
        products = pixels * prod(layer.weights.shape[1:]) * layer.taps_share
        width = self._greatest(state, layer.name).bit_length() + 1
        return products * width * state.datapath.activation.bits

    def _offers(
        self,
        state: Compilation,
        layers: list[MacLayer],
        made: Mapping[str, QuantizedWeights],
        costs: Mapping[str, float],
    ) -> dict[str, Offer]:
        inputs = _mean_squares(state) if self.score is RowScore.OUTPUT_NOISE else {}
        offers = {}
        for layer in layers:
            weights = made[layer.name]
            found = weights.residuals
            errors = [_squares(layer, replace(weights, residuals=found[:k])) for k in range(len(found) + 1)]
            if self.score is RowScore.OUTPUT_NOISE:
                x, y = layer.inputs[0], layer.outputs[0]
                squares = layer.input_channels(inputs[x]) / state.quantization[y].scale ** 2
                noise = [np.sum(error * squares, axis=1) * layer.taps_share for error in errors]
            else:
                mean = float(np.mean(np.square(layer.weights))) or 1.0
                noise = [error.sum(axis=1) / mean for error in errors]
            gains = np.array([before - after for before, after in pairwise(noise)])
            offers[layer.name] = Offer(gains, costs[layer.name])
        return offers


def _squares(layer: MacLayer, weights: QuantizedWeights) -> Vector:
    """The squared errors of a layer's weights, summed over taps: (outputs, inputs of a group)."""
    error = weights.dequantized() - layer.weights
    made: Vector = np.square(error.reshape(layer.output_channels, -1, error.shape[-1])).sum(axis=1)
    return made


def _mean_squares(state: Compilation) -> dict[str, Vector]:
    """E[x**2] of every tensor's channels, without data."""
    try:
        known: Mapping[str, Moments] = propagate(state.network, state.moments)
    except InputError:
        known = {}
    codes = state.datapath.activation.interval
    return {
        name: known[name].variance + known[name].mean ** 2
        if name in known
        else np.full(shape[-1], _uniform(state.quantization[name], codes.low, codes.high))
        for name, shape in state.network.shapes.items()
    }


def _uniform(found: Quantization, low: int, high: int) -> float:
    """The mean square of a value that lies anywhere in a tensor's range."""
    a, b = (found.scale * (code - found.zero_point) for code in (low, high))
    return (a * a + a * b + b * b) / 3


def _fits(state: Compilation, layer: MacLayer, weights: QuantizedWeights) -> bool:
    """Whether no codes can take the shared accumulator out of its register, bias and zero point included."""
    orders = weights.orders
    finest = Fraction(float(orders[-1].scales[0]))
    reach = np.zeros(weights.outputs)
    for one in orders:
        size = np.abs(one.codes.astype(np.float64)).reshape(weights.outputs, -1).sum(axis=1)
        reach += size * float(Fraction(float(one.scales[0])) / finest)
    x, codes = state.quantization[layer.inputs[0]], state.datapath.activation.interval
    reach *= max(abs(codes.low), abs(codes.high)) + abs(x.zero_point)
    units = np.array([float(orders[-1].channel_scale(o)) for o in range(weights.outputs)]) * x.scale
    reach += np.abs(layer.real_bias) / units + 1
    mac = state.datapath.mac
    return float(reach.max()) <= min(mac.accumulator.register.high, mac.bias.register.high)
