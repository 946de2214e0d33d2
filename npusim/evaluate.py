"""How well a program keeps what its float network knew: accuracy, agreement, SQNR per step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim import reference
from npusim.errors import InputError
from npusim.network import Network
from npusim.program import Program
from npusim.simulator import Simulator, dequantize
from npusim.statistics import StepStatistics, merge_statistics

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]
Answers = Callable[[Array, Array, Array], None]
"""Raw inputs of a batch, the first output in float, and the same from integers, dequantized."""


@dataclass
class SignalToNoise:
    """Powers of a float signal and of what integers add to it."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, real: Array, approximation: Array) -> None:
        """See more values."""
        real = real.astype(np.float64)
        self.signal += float(np.sum(real**2))
        self.noise += float(np.sum((approximation - real) ** 2))

    @property
    def decibels(self) -> float:
        """SQNR; infinite without noise, minus infinite for noise without signal."""
        if self.noise == 0:
            return float("inf")
        return 10 * float(np.log10(self.signal / self.noise)) if self.signal else float("-inf")


@dataclass(frozen=True)
class StepQuality:
    """One step's output against the same tensor in float, everything before it integer too."""

    name: str
    tensor: str
    sqnr_db: float


@dataclass(frozen=True)
class Evaluation:
    """A program against its float network on some data.

    Attributes
    ----------
    float_top1, integer_top1
        Shares of images classified as labelled; None without labels.
    agreement
        The share of images on which both have the same first choice; None if the network does not
        answer with one vector per image.
    outputs
        SQNR of every output in dB.
    """

    images: int
    float_top1: float | None
    integer_top1: float | None
    agreement: float | None
    outputs: dict[str, float]
    steps: tuple[StepQuality, ...]
    statistics: dict[str, StepStatistics] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``npusim eval --json`` prints it."""
        return {
            "images": self.images,
            "float": {"top1": self.float_top1},
            "integer": {"top1": self.integer_top1},
            "agreement": self.agreement,
            "outputs": [{"name": name, "sqnr_db": _finite(db)} for name, db in self.outputs.items()],
            "steps": [
                {"name": step.name, "tensor": step.tensor, "sqnr_db": _finite(step.sqnr_db)}
                for step in self.steps
            ],
        }


class _Tally:
    """First choices, right ones and agreeing ones."""

    def __init__(self) -> None:
        self.images = self.labelled = self.float_right = self.integer_right = self.agreeing = 0
        self.ranked = True

    def add(self, real: Array, integer: Array, labels: Array | None) -> None:
        """See one batch of first outputs."""
        self.images += len(real)
        if real.ndim != 2 or real.shape[1] < 2:
            self.ranked = False
            return
        float_choice, integer_choice = real.argmax(axis=1), integer.argmax(axis=1)
        self.agreeing += int(np.count_nonzero(float_choice == integer_choice))
        if labels is not None:
            self.labelled += len(labels)
            self.float_right += int(np.count_nonzero(float_choice == labels))
            self.integer_right += int(np.count_nonzero(integer_choice == labels))

    def share(self, count: int, of: int) -> float | None:
        """A share; None if there is nothing to share."""
        return count / of if self.ranked and of else None


def evaluate(
    network: Network,
    program: Program,
    data: Iterable[tuple[Array, Array | None]],
    *,
    label_offset: int = 0,
    threads: int | None = None,
    total: int = 0,
    progress: Progress | None = None,
    answers: Answers | None = None,
) -> Evaluation:
    """Compare a program with its float network.

    Parameters
    ----------
    data
        Batches of raw inputs with their labels or None. Integers go through the preprocess block.
    label_offset
        Added to labels: 1 for networks whose class 0 is "background".
    total
        Images in all, for `progress`.
    answers
        Called with every batch's answers: for measures of one's own.
    """
    _check_match(network, program)
    simulator = Simulator(program)
    made_by = {step.output: step.name for step in program.steps}
    compared = [tensor for tensor in made_by if tensor in network.shapes]
    ratios = {tensor: SignalToNoise() for tensor in compared}
    tally = _Tally()
    statistics: list[dict[str, StepStatistics]] = []
    for batch, labels in data:
        tensors: dict[str, Array] = {}
        reference.run(network, batch, observe=tensors.__setitem__)
        result = simulator.run(
            program_inputs(network, program, batch),
            taps=[f"{made_by[tensor]}:output" for tensor in compared],
            statistics=True,
            threads=threads,
        )
        for tensor in compared:
            codes = result.taps[made_by[tensor]]["output"]
            ratios[tensor].add(tensors[tensor], dequantize(program, tensor, codes))
        first = program.output_names[0]
        shifted = None if labels is None else labels + label_offset
        tally.add(tensors[first], result.outputs[first], shifted)
        statistics.append(result.statistics or {})
        if answers is not None:
            answers(batch, tensors[first], result.dequantized[first])
        if progress is not None:
            progress(tally.images, total)
    return Evaluation(
        images=tally.images,
        float_top1=tally.share(tally.float_right, tally.labelled),
        integer_top1=tally.share(tally.integer_right, tally.labelled),
        agreement=tally.share(tally.agreeing, tally.images),
        outputs={name: ratios[name].decibels for name in program.output_names if name in ratios},
        steps=tuple(StepQuality(made_by[t], t, ratios[t].decibels) for t in compared),
        statistics=merge_statistics(statistics),
    )


def _check_match(network: Network, program: Program) -> None:
    """Refuse a program that cannot have been compiled from the network."""
    expected = tuple(tensor.name for tensor in network.inputs)
    if program.input_names != expected:
        found, allowed = ", ".join(program.input_names), ", ".join(expected)
        raise InputError("the program reads other inputs than the network", found=found, allowed=allowed)
    if len(expected) > 1:
        raise InputError("only programs of one input can be evaluated", found=", ".join(expected))
    for name in program.output_names:
        if name not in network.shapes:
            allowed = ", ".join(network.outputs)
            raise InputError("the network has no output like the program's", found=name, allowed=allowed)
    for name, tensor in program.tensors.items():
        allowed_shape = network.shapes.get(name, tensor.shape)
        if tensor.shape != allowed_shape:
            raise InputError(
                f"the program's tensor {name} has another shape than the network's",
                found=tensor.shape,
                allowed=str(allowed_shape),
            )


def program_inputs(network: Network, program: Program, batch: Array) -> Array:
    """Raw data as a program reads them: bytes by its byte table, everything else as real numbers."""
    (name,) = program.input_names
    if batch.dtype == np.uint8 and name in program.real.byte_tables:
        return batch
    real: Array = reference.real_inputs(network, batch)[name]
    return real


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if np.isfinite(value) else None
