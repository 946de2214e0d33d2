"""Iterative bias correction (arXiv 1906.03193; algorithms.md 4.2), measured on the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim import reference
from npusim.compiler.base import Compilation, Pass
from npusim.compiler.pre_activation import expose_sums, sums_of
from npusim.errors import InputError
from npusim.input_codes import quantize_floats
from npusim.layers.mac_layer import MacLayer
from npusim.network import Network
from npusim.program import Program, Real
from npusim.simulator import simulate
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.base import Step, TensorType
from npusim.steps.mac import MacStep
from npusim.steps.mac_array import MacArrayStep
from npusim.steps.rescale import RescaleStep
from npusim.steps.sum_orders import SumOrdersStep

Array = npt.NDArray[Any]
Means = npt.NDArray[np.float64]

_SUMMED = (MacStep, RescaleStep, SumOrdersStep)
"""Steps that read a layer's whole sums."""


class IterativeBiasCorrection(Pass):
    """Give every channel's sum the mean that it has in float, layer by layer.

    In execution order each MAC step runs on what the corrected steps before it made; the mean of its
    dequantized accumulators over the calibration images is compared with the float network's, and
    the difference goes into its bias. After `lower`.

    Attributes
    ----------
    images
        Use at most so many calibration images.
    standard_errors
        A channel stays as it is where the shift is smaller than so many standard errors of its mean
        over the images.
    """

    kind: ClassVar[str] = "iterative_bias_correction"

    pass_: Literal["iterative_bias_correction"] = Field("iterative_bias_correction", alias="pass")
    images: int = Field(64, ge=1)
    standard_errors: float = Field(2.0, ge=0)
    batch: int = Field(8, ge=1)

    def run(self, state: Compilation) -> Compilation:
        if state.program is None:
            raise InputError("there is no program to correct: run lower first", key="passes")
        if state.calibration is None:
            raise InputError("iterative bias correction needs calibration data", key="calibration")
        images = {name: data[: self.images] for name, data in state.calibration.items()}
        wanted = self._float_means(state, images)
        program, corrected = self._correct(state, images, wanted)
        return state.with_(program=program).note(f"{corrected} biases were corrected on integer runs")

    def _float_means(self, state: Compilation, images: Mapping[str, Array]) -> dict[str, Means]:
        """Per MAC step the mean over pixels of each channel's sum in float: (images, channels)."""
        exposed: Network = expose_sums(state.network)
        layers = {layer.name: layer for layer in state.network.layers}
        means: dict[str, list[Means]] = {}

        def see(tensor: str, values: Array) -> None:
            layer = layers.get(sums_of(tensor) or "")
            if isinstance(layer, MacLayer):
                for step, sums in layer.step_sums(values).items():
                    means.setdefault(step, []).append(_pixel_means(sums))

        total = len(next(iter(images.values())))
        for start in range(0, total, self.batch):
            state.progress(f"float means: image {start} of {total}")
            part = {name: data[start : start + self.batch] for name, data in images.items()}
            reference.run(exposed, part, observe=see)
        return {step: np.concatenate(parts) for step, parts in means.items()}

    def _correct(
        self, state: Compilation, images: Mapping[str, Array], wanted: dict[str, Means]
    ) -> tuple[Program, int]:
        program = state.program
        assert program is not None
        tensors = {name: _codes(program, name, data) for name, data in images.items()}
        types = dict(program.tensors)
        makers = {step.output: step for step in program.ordered_steps}
        readers = {name: step.name for step in program.ordered_steps for name in _read(step, makers)}
        corrected, count = 0, len(next(iter(images.values())))
        for step in program.ordered_steps:
            state.progress(f"correcting biases: {step.name}")
            if step.name in wanted and isinstance(step, _SUMMED):
                changed = self._corrected(program, step, makers, types, tensors, wanted[step.name])
                corrected += _biases_changed(makers[changed.output], changed)
                makers[changed.output] = changed
                if changed.output != step.output:  # a pass before this step
                    types[changed.output] = changed.output_type(
                        [types[name] for name in changed.inputs], program.datapath
                    )
                    tensors[changed.output] = _run(program, types, changed, tensors, ())[0]
            made = _run(program, types, makers[step.output], tensors, ())[0]
            # a constant knows no batch
            tensors[step.output] = made if step.inputs else np.repeat(made, count, axis=0)
            for name in _read(step, makers):
                if readers[name] == step.name:
                    tensors.pop(name, None)
        steps = tuple(makers[step.output] for step in program.steps)
        return program.replace(steps=steps, tensors=types), corrected

    def _corrected(
        self,
        program: Program,
        step: MacStep | RescaleStep | SumOrdersStep,
        makers: Mapping[str, Step],
        types: Mapping[str, TensorType],
        tensors: Mapping[str, Array],
        wanted: Means,
    ) -> MacArrayStep:
        """The step that holds a layer's bias: itself, or the pass whose sums it reads first."""
        worths = program.real.accumulators
        if isinstance(step, MacStep):
            holder: MacArrayStep = step
            _, taps = _run(program, types, step, tensors, ("accumulator",))
            sums = _pixel_means(taps["accumulator"]) * worths[step.name]
        else:
            holder = _pass(makers[step.inputs[0]])
            passes = [makers[name] for name in step.inputs]
            parts = [_pixel_means(tensors[one.output]) * worths[one.name] for one in passes]
            sums = np.sum(parts, axis=0)
        return holder.replace(bias=self._bias(program, holder, wanted - sums, worths[holder.name]))

    def _bias(self, program: Program, step: MacArrayStep, shifts: Means, worth: Array) -> Array:
        """The bias that takes off the mean of the shifts, (images, channels), where that is significant."""
        mean = shifts.mean(axis=0)
        error = shifts.std(axis=0, ddof=1) / np.sqrt(len(shifts)) if len(shifts) > 1 else np.zeros_like(mean)
        change = np.where(np.abs(mean) >= self.standard_errors * error, np.rint(mean / worth), 0)
        register = program.datapath.mac.bias.register
        bias: Array = np.clip(step.bias + change.astype(np.int64), register.low, register.high)
        return bias


def _pass(step: Step) -> AccumulateStep:
    assert isinstance(step, AccumulateStep)
    return step


def _biases_changed(before: Step, after: MacArrayStep) -> int:
    assert isinstance(before, MacArrayStep)
    return int(np.count_nonzero(before.bias != after.bias))


def _read(step: Step, makers: Mapping[str, Step]) -> set[str]:
    """The tensors that a step reads, and those that its passes read: they are run again when corrected."""
    passes = [makers[name] for name in step.inputs if name in makers]
    return {
        name
        for one in (step, *passes)
        if one is step or isinstance(one, AccumulateStep)
        for name in one.inputs
    }


def _pixel_means(values: Array) -> Means:
    """(images, channels): means over everything in between."""
    made: Means = values.reshape(len(values), -1, values.shape[-1]).mean(axis=1, dtype=np.float64)
    return made


def _codes(program: Program, name: str, real: Array) -> Array:
    meaning, kind = program.real.tensors[name], program.tensors[name]
    codes = quantize_floats(real, meaning.scale, meaning.zero_point, kind.codes.interval)
    return codes.astype(kind.dtype)


def _run(
    program: Program,
    types: Mapping[str, TensorType],
    step: Step,
    tensors: Mapping[str, Array],
    points: tuple[str, ...],
) -> tuple[Array, dict[str, Array]]:
    """Run one step alone on the public simulator: its output, and what was tapped."""
    alone = program.replace(
        input_names=tuple(dict.fromkeys(step.inputs)),
        output_names=(step.output,),
        tensors={name: types[name] for name in (*step.inputs, step.output)},
        steps=(step,),
        real=Real(),
    )
    inputs = {name: tensors[name] for name in alone.input_names}
    result = simulate(alone, inputs, taps=[f"{step.name}:{point}" for point in points])
    return result.outputs[step.output], result.taps.get(step.name, {})
