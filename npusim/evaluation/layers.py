"""SQNR of every step: accumulated, all before it integer too; and alone, fed by float's values in codes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.evaluation.noise import powers
from npusim.input_codes import quantize_floats
from npusim.network import Network
from npusim.program import Program
from npusim.simulator import dequantize
from npusim.steps.base import Step
from npusim.steps.probe import Probe

Array = npt.NDArray[Any]
Taps = dict[str, dict[str, Array]]


class StepNoise:
    """Which steps are compared, and their executors, prepared once.

    Attributes
    ----------
    steps
        Those that make a tensor which the float network has as well.
    """

    def __init__(self, network: Network, program: Program, threads: int) -> None:
        self.program = program
        self.threads = threads
        self.steps = [
            step
            for step in program.steps
            if step.output in network.shapes and step.output in program.real.tensors
        ]
        self.maker = {step.output: step for step in program.steps}
        self._executors = {
            step.name: step.prepare(program.input_types(step), program.tensors[step.output], program.datapath)
            for step in program.ordered_steps
        }

    def execute(self, step: Step, inputs: Sequence[Array]) -> Array:
        """A step's output codes for a batch of input codes."""
        executor = self._executors[step.name]
        images = range(len(inputs[0]))

        def one(image: int) -> Array:
            return executor.run([codes[image] for codes in inputs], Probe())

        if self.threads == 1:
            return np.stack([one(image) for image in images])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.stack(list(pool.map(one, images)))

    def watch(self, codes: dict[str, Array], taps: Taps, samples: int) -> Watch:
        """An observer for one run of the float network."""
        return Watch(self, codes, taps, samples)


class Watch:
    """Compares each tensor as the float network makes it, so that no float tensor is kept.

    Parameters
    ----------
    codes
        The program's input codes.
    taps
        Every compared step's output from the integer run of the same inputs.

    Attributes
    ----------
    found
        (samples, steps, 3): powers of the signal, of accumulated noise, of the step's own noise.
    """

    def __init__(self, owner: StepNoise, codes: dict[str, Array], taps: Taps, samples: int) -> None:
        self._owner = owner
        self._codes = dict(codes)
        self._taps = taps
        self._samples = samples
        self._place = {step.output: index for index, step in enumerate(owner.steps)}
        self.found = np.zeros((samples, len(owner.steps), 3))

    def __call__(self, name: str, values: Array) -> None:
        """See a tensor of the float run."""
        index = self._place.get(name)
        if index is None:
            return
        step = self._owner.steps[index]
        accumulated = self._taps[step.name]["output"]
        alone = self._owner.execute(step, [self._of(tensor) for tensor in step.inputs])
        codes = np.empty(values.shape, self._owner.program.tensors[name].dtype)
        each = len(values) // self._samples
        for sample in range(self._samples):  # one at a time: float64 copies of whole batches are large
            part = slice(sample * each, (sample + 1) * each)
            self.found[sample, index, :2] = self._powers(name, values[part], accumulated[part])
            self.found[sample, index, 2] = self._powers(name, values[part], alone[part])[1]
            codes[part] = self._quantized(name, values[part])
        self._codes[name] = codes

    def _powers(self, name: str, values: Array, codes: Array) -> Array:
        """Signal and noise of one sample."""
        found: Array = powers(values, dequantize(self._owner.program, name, codes), 1)[0]
        return found

    def _of(self, tensor: str) -> Array:
        """A tensor's codes: float's values where it was seen, else what its own step makes of such codes."""
        if tensor not in self._codes:
            step = self._owner.maker[tensor]
            self._codes[tensor] = self._owner.execute(step, [self._of(name) for name in step.inputs])
        return self._codes[tensor]

    def _quantized(self, tensor: str, values: Array) -> Array:
        real, kind = self._owner.program.real.tensors[tensor], self._owner.program.tensors[tensor]
        exact = values.astype(np.float64)
        exact = exact if real.offsets is None else exact - real.offsets
        exact = exact if real.factors is None else exact / real.factors
        return quantize_floats(exact, real.scale, real.zero_point, kind.codes.interval).astype(kind.dtype)
