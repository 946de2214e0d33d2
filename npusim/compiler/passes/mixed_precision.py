"""Mixed precision: each layer's weights as wide as they need be (algorithms.md 7.7)."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, ClassVar, Literal

import numpy.typing as npt
from pydantic import Field

from npusim.compiler.allocation import Option, allocate
from npusim.compiler.base import Compilation, Pass
from npusim.compiler.passes.lower import Lower
from npusim.compiler.passes.quantize_weights import QuantizeWeights, Scheme, WeightRounding
from npusim.compiler.passes.residual_expansion import ResidualExpansion
from npusim.compiler.sensitivity import Judge
from npusim.compiler.suffix import answer, ideal_codes, suffix
from npusim.errors import InputError
from npusim.layers.mac_layer import MacLayer
from npusim.model import Model
from npusim.program import Program, RealTensor
from npusim.quantization import QuantizedWeights
from npusim.simulator import simulate

Codes = npt.NDArray[Any]


class Precision(Model):
    """One way to hold a layer's weights.

    Attributes
    ----------
    bits
        Of a code.
    orders
        Passes over the layer: more than 1 need a datapath with `mac.expansion` (REx).
    """

    bits: Annotated[int, Field(ge=2, le=16)]
    orders: Annotated[int, Field(ge=1, le=16)] = 1

    def __str__(self) -> str:
        return f"{self.bits} bits" if self.orders == 1 else f"{self.orders} x {self.bits} bits"


class MixedPrecision(Pass):
    """Choose each layer's precision by what it costs and what it saves, in place of `quantize_weights`.

    All layers begin at the most expensive option. For each layer and each other option the network is run in
    integers with only this layer changed; what that adds to the noise of the answers is the option's
    damage. Damages are taken as adding up, and the budget is spent where it takes most of them away.

    Attributes
    ----------
    scheme, rounding, scale_candidates
        As for `quantize_weights`.
    options
        The precisions that a layer may have.
    budget
        Bit-operations of all layers (products, times the widths of both operands, times orders), as a
        share of those of the most expensive option everywhere.
    images
        Measure on at most so many calibration images.
    """

    kind: ClassVar[str] = "mixed_precision"

    pass_: Literal["mixed_precision"] = Field("mixed_precision", alias="pass")
    scheme: Scheme
    rounding: WeightRounding = WeightRounding.NEAREST
    scale_candidates: int = Field(1, ge=1, le=256)
    options: tuple[Precision, ...] = Field((Precision(bits=8), Precision(bits=4)), min_length=2)
    budget: float = Field(gt=0, le=1)
    images: int = Field(16, ge=1)

    def run(self, state: Compilation) -> Compilation:
        if state.calibration is None:
            raise InputError("mixed precision needs calibration data", key="calibration")
        layers = [layer for layer in state.network.ordered_layers if isinstance(layer, MacLayer)]
        costs = {
            layer.name: [self._cost(state, layer, option) for option in self.options] for layer in layers
        }
        whole = sum(max(found) for found in costs.values())
        least = sum(min(found) for found in costs.values())
        if least > self.budget * whole:
            raise InputError(
                "no choice is so cheap",
                key="budget",
                found=self.budget,
                allowed=f"{least / whole:.3f} or more",
            )
        weights = [self._weights(state, option) for option in self.options]
        widest = max(range(len(self.options)), key=lambda index: (self._worth(index), -index))
        damages = _Trials(state, self.images, weights[widest]).damages(weights, widest)
        options = {
            name: [Option(*pair) for pair in zip(found, damages[name], strict=True)]
            for name, found in costs.items()
        }
        chosen = allocate(options, self.budget * whole)
        spent = sum(costs[name][index] for name, index in chosen.items())
        state = state.with_(weights={name: weights[index][name] for name, index in chosen.items()})
        share = f"{spent / whole:.1%} of the bit-operations of {self.options[widest]} everywhere"
        return state.note(f"mixed precision: {share}; {'; '.join(self._lists(chosen, widest))}")

    def _worth(self, index: int) -> int:
        return self.options[index].bits * self.options[index].orders

    def _cost(self, state: Compilation, layer: MacLayer, option: Precision) -> float:
        """Bit-operations of one image."""
        products = prod(state.network.shapes[layer.outputs[0]][:-1]) * layer.weights.size * layer.taps_share
        return products * option.bits * option.orders * state.datapath.activation.bits

    def _weights(self, state: Compilation, option: Precision) -> Mapping[str, QuantizedWeights]:
        """Every layer's weights at one precision."""
        settings = {"scheme": self.scheme, "rounding": self.rounding, "bits": option.bits}
        settings["scale_candidates"] = self.scale_candidates
        state = QuantizeWeights.model_validate(settings).run(state)
        if option.orders > 1:
            state = ResidualExpansion.model_validate({"orders": option.orders}).run(state)
        return state.weights

    def _lists(self, chosen: Mapping[str, int], widest: int) -> list[str]:
        lists = []
        for index, option in enumerate(self.options):
            names = [name for name, found in chosen.items() if found == index]
            if names:
                shown = f"{len(names)} layers" if index == widest else ", ".join(names)
                lists.append(f"{option}: {shown}")
        return lists


class _Trials:
    """Integer runs in which one layer differs from the others."""

    def __init__(self, state: Compilation, images: int, weights: Mapping[str, QuantizedWeights]) -> None:
        assert state.calibration is not None
        self._state = state
        self._program = self._lower(weights)
        self._order = [step.name for step in self._program.ordered_steps]
        some = {name: data[:images] for name, data in state.calibration.items()}
        self._judge = Judge(state.network, some)
        inputs = self._judge.float_tensors(set(self._program.input_names))
        codes = {name: ideal_codes(self._program, name, x) for name, x in inputs.items()}
        taps = [f"{name}:output" for name in self._order]
        made = simulate(self._program, codes, taps=taps).taps
        self._tensors = codes | {s.output: made[s.name]["output"] for s in self._program.ordered_steps}

    def damages(self, weights: list[Mapping[str, QuantizedWeights]], widest: int) -> dict[str, list[float]]:
        """By layer what each option adds to the noise of the answers; never less than nothing."""
        base = self._judge.noise(self._answers(self._program, 0))
        found: dict[str, list[float]] = {}
        for done, name in enumerate(weights[widest]):
            self._state.progress(f"trying precisions: {name}, {done} of {len(weights[widest])}")
            found[name] = [
                0.0 if index == widest else max(self._noise(weights[widest], name, option[name]) - base, 0.0)
                for index, option in enumerate(weights)
            ]
        return found

    def _noise(self, base: Mapping[str, QuantizedWeights], name: str, other: QuantizedWeights) -> float:
        """The noise of the answers with one layer changed; only what comes after it is run again."""
        changed = self._lower({**base, name: other})
        before = {step.name: step for step in self._program.ordered_steps}
        first = next(
            index
            for index, step in enumerate(changed.ordered_steps)
            if step.name not in before or step != before[step.name]
        )
        return self._judge.noise(self._answers(changed, first))

    def _answers(self, program: Program, first: int) -> dict[str, Codes]:
        rest = suffix(program, first)
        return answer(rest, {name: self._tensors[name] for name in rest.input_names})

    def _lower(self, weights: Mapping[str, QuantizedWeights]) -> Program:
        """The program with these weights, its tensors meaning what they do in the network as it now is."""
        program = (
            Lower.model_validate({}).run(self._state.with_(weights=weights, factors={}, offsets={})).program
        )
        assert program is not None
        tensors = {
            name: RealTensor(scale=found.scale, zero_point=found.zero_point)
            for name, found in program.real.tensors.items()
        }
        return program.replace(real=program.real.replace(tensors=tensors))
