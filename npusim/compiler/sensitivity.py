"""Which layer costs how much, by integer simulation (algorithms.md 7.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim import reference
from npusim.compiler.suffix import answer, ideal_codes, suffix
from npusim.errors import InputError
from npusim.network import Network
from npusim.program import Program
from npusim.simulator import dequantize
from npusim.steps.base import Step

Array = npt.NDArray[Any]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Share:
    """What one step adds to the noise of the answers.

    Attributes
    ----------
    noise
        Noise power over signal power of the answers, with the inputs of this step and of all behind it
        ideal, less that with the inputs of the steps behind it ideal. The shares of all steps, and
        `INPUT`'s and `OUTPUT`'s, add up to the program's noise. Negative: errors cancelled.
    """

    step: str
    noise: float


OUTPUT = "(output codes)"
"""The share that nobody avoids: the answers' own rounding to codes."""


class Judge:
    """Measures the noise of answers, on some images that it keeps.

    Parameters
    ----------
    outputs
        The tensors that are answers; None: the network's outputs. A program that leaves the network's last
        operation to its host answers with what that reads.
    """

    def __init__(
        self,
        network: Network,
        images: Mapping[str, Array],
        outputs: Sequence[str] | None = None,
        *,
        batch: int = 16,
    ) -> None:
        self._network = network
        self._images = images
        self._batch = batch
        answers = network.outputs if outputs is None else tuple(outputs)
        for name in answers:
            if name not in network.shapes:
                raise InputError("the program answers with what the network does not have", found=name)
        self._wanted = self.float_tensors(set(answers))
        self._power = sum(float(np.sum(np.square(x - x.mean()))) for x in self._wanted.values())

    def float_tensors(self, names: set[str]) -> dict[str, npt.NDArray[np.float32]]:
        """What the float network holds in some tensors."""
        parts: dict[str, list[Array]] = {name: [] for name in names}

        def see(name: str, values: Array) -> None:
            if name in parts:
                parts[name].append(values.astype(np.float32))

        total = len(next(iter(self._images.values())))
        for start in range(0, total, self._batch):
            batch = {name: x[start : start + self._batch] for name, x in self._images.items()}
            reference.run(self._network, batch, observe=see)
        return {name: np.concatenate(found) for name, found in parts.items()}

    def noise(self, answers: Mapping[str, Array]) -> float:
        """Noise power over signal power, of all outputs together."""
        errors = sum(float(np.sum(np.square(answers[name] - x))) for name, x in self._wanted.items())
        return errors / (self._power or 1.0)

    def of(self, program: Program) -> float:
        """A program's noise from end to end."""
        inputs = self.float_tensors(set(program.input_names))
        return self.noise(
            answer(program, {name: ideal_codes(program, name, x) for name, x in inputs.items()})
        )


def shares(
    network: Network, program: Program, images: Mapping[str, Array], tell: Tell = lambda _: None
) -> list[Share]:
    """The noise that each step adds to the answers, in execution order.

    For every step the program is cut before it: what the rest reads are the float network's values,
    rounded to codes. One step later the noise is smaller by what this step adds.

    Parameters
    ----------
    network
        The float network in the form that the program was lowered from, or the one that was given.
    images
        Real inputs by name, a few.

    Raises
    ------
    InputError
        If a tensor of the program is none of the network's.
    """
    judge = Judge(network, images, program.output_names)
    steps = program.ordered_steps
    cuts = [set(suffix(program, index).input_names) for index in range(len(steps))]
    known = judge.float_tensors({*program.output_names, *set().union(*cuts)} & {*network.shapes})
    noises = []
    for index, step in enumerate(steps):
        tell(f"cut before {step.name}, {index} of {len(steps)}")
        noises.append(_noise_behind(judge, program, index, known))
    last = {name: ideal_codes(program, name, known[name]) for name in program.output_names}
    floor = judge.noise({name: dequantize(program, name, codes) for name, codes in last.items()})
    return list(_differences(steps, noises, floor))


def _noise_behind(judge: Judge, program: Program, index: int, known: Mapping[str, Array]) -> float | None:
    """The noise of the rest's answers; None where it reads a tensor that the float network has not."""
    rest = suffix(program, index)
    if not set(rest.input_names) <= known.keys():
        return None
    return judge.noise(answer(rest, {n: ideal_codes(program, n, known[n]) for n in rest.input_names}))


def _differences(steps: tuple[Step, ...], noises: list[float | None], floor: float) -> Iterator[Share]:
    """Steps between which no float value stands share a cut: the first of them bears their noise."""
    if noises[0] is None:
        raise InputError("the program's inputs are none of the network's", key="inputs")
    behind: list[float] = []
    following = floor
    for noise in reversed(noises):
        behind.append(following)
        following = following if noise is None else noise
    for step, noise, rest in zip(steps, noises, reversed(behind), strict=True):
        yield Share(step.name, 0.0 if noise is None else noise - rest)
    yield Share(OUTPUT, floor)
