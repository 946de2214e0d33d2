"""The last pass: layers become steps, by the datapath's scale recipe."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from npusim.compiler.base import Compilation, Pass
from npusim.datapath import Datapath
from npusim.errors import InputError
from npusim.files.arrays import FloatArray
from npusim.input_codes import byte_codes
from npusim.layers.expansion import order_worths
from npusim.layers.lowering import Lowering
from npusim.layers.mac_layer import MacLayer
from npusim.network import Network
from npusim.program import Program, Real, RealTensor
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import Step, TensorType, activation_type
from npusim.steps.digit import DigitStep
from npusim.steps.mac import MacStep


class Lower(Pass):
    """Integers from here on: multipliers, shifts, biases, zero points, clamps."""

    kind: ClassVar[str] = "lower"

    pass_: Literal["lower"] = Field("lower", alias="pass")

    def run(self, state: Compilation) -> Compilation:
        network, datapath = state.network, state.datapath
        missing = [name for name in network.shapes if name not in state.quantization]
        if missing:
            raise InputError("tensors without a range: run activation_ranges first", found=missing[0])
        lowering = Lowering(datapath, network.shapes, state.quantization, state.weights)
        steps: list[Step] = []
        accumulators: dict[str, FloatArray] = {}
        for layer in network.ordered_layers:
            if isinstance(layer, MacLayer):
                _check_weights(state, layer)
            try:
                made = layer.lower(lowering)
            except InputError as error:
                raise error.within(f"layers.{layer.name}") from None
            known = {step.name for step in steps}
            steps += [step for step in made if not (isinstance(step, DigitStep) and step.name in known)]
            if isinstance(layer, MacLayer):
                accumulators |= _accumulators(state, lowering, layer, made)
        program = Program(
            name=network.name,
            input_names=tuple(tensor.name for tensor in network.inputs),
            output_names=network.outputs,
            tensors=_tensors(network, datapath, steps),
            steps=tuple(steps),
            real=_real(state, accumulators),
            datapath=datapath,
        )
        return state.with_(program=program)


def _check_weights(state: Compilation, layer: MacLayer) -> None:
    """Refuse codes that do not stand for the layer's weights: a pass changed these afterwards."""
    quantized = state.weights.get(layer.name)
    if quantized is None:
        raise InputError("weights without codes: run quantize_weights first", found=layer.name)
    if quantized.real is not None:
        changed = not np.array_equal(quantized.real, layer.weights)
    else:
        worth = np.array([float(quantized.channel_scale(o)) for o in range(quantized.outputs)])
        errors = np.abs(quantized.dequantized() - layer.weights).reshape(quantized.outputs, -1).max(axis=1)
        changed = bool(np.any(errors > worth * (1 + 1e-9)))  # rounding moves a weight by less than one code
    if changed:
        raise InputError(
            "weights were changed after they became codes: quantize_weights goes behind it", found=layer.name
        )


def _tensors(network: Network, datapath: Datapath, steps: list[Step]) -> dict[str, TensorType]:
    tensors = {x.name: activation_type(x.shape, datapath) for x in network.inputs}
    for step in steps:
        try:
            tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
        except InputError as error:
            raise error.within(f"steps.{step.name}") from None
    return tensors


def _accumulators(
    state: Compilation, lowering: Lowering, layer: MacLayer, steps: list[Step]
) -> dict[str, FloatArray]:
    """What one accumulator unit of each channel is worth, for each MAC step of a layer."""
    worths = order_worths(lowering, layer.inputs[0], state.weights[layer.name])
    real = {suffix: np.array([float(unit) for unit in worth]) for suffix, worth in worths.items()}
    made = {step.name: real[".order_1"] for step in steps if isinstance(step, MacStep)}
    for step in steps:
        if isinstance(step, AccumulateStep):
            made[step.name] = real[step.name[step.name.rindex(".order_") :]]
    return made


def _real(state: Compilation, accumulators: dict[str, FloatArray]) -> Real:
    network = state.network
    codes = state.datapath.activation.register
    tables = {}
    if network.preprocess is not None:
        for tensor in network.inputs:
            found = state.quantization[tensor.name]
            tables[tensor.name] = byte_codes(
                network.preprocess, tensor.shape[-1], found.scale, found.zero_point, codes
            )
    tensors = {
        name: RealTensor(
            scale=found.scale,
            zero_point=found.zero_point,
            factors=state.factors.get(name),
            offsets=state.offsets.get(name),
        )
        for name, found in state.quantization.items()
    }
    return Real(preprocess=network.preprocess, tensors=tensors, accumulators=accumulators, byte_tables=tables)
