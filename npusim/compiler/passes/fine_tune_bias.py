"""Bias fine-tuning by distillation (arXiv 1906.03193; algorithms.md 4.3). Needs PyTorch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from enum import StrEnum
from math import cos, pi
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim import reference
from npusim.compiler import straight_through
from npusim.compiler.base import Compilation, Pass
from npusim.errors import InputError
from npusim.input_codes import to_codes
from npusim.program import Program
from npusim.simulator import Simulator
from npusim.steps.accumulate import AccumulateStep
from npusim.steps.mac import MacStep

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]


class DistillationLoss(StrEnum):
    """By what integer answers are told from float ones."""

    AUTO = "auto"
    """Divergence for vectors of more than one number, else squares."""
    DIVERGENCE = "divergence"
    """Kullback-Leibler divergence of softmax(integer) from softmax(float)."""
    SQUARES = "squares"
    """The mean squared error, relative to the float answers' variance."""


class FineTuneBias(Pass):
    """Train biases, and nothing else, until the integer network answers as the float one does.

    Forward is the simulator, to the bit; backward is straight-through (`straight_through`). The biases
    that answered best on held-out calibration images are kept, those from before among them: the pass never
    makes that measure worse. After `lower`, and best after `iterative_bias_correction`. Reproducible
    on one machine; another may round gradients otherwise.

    Attributes
    ----------
    steps
        Optimiser steps (Adam, cosine decay).
    batch
        Images per step.
    rate
        How far a bias may move in the first step, in units of its layer's output codes.
    held_out
        The share of the calibration images that judge.
    temperature
        Of both softmaxes. A high one makes all classes count, not the likely ones alone: with few images that
        is what there is to learn from (arXiv 1503.02531).
    judge_every
        Steps between two judgements.
    seed
        Of the order of the images.
    """

    kind: ClassVar[str] = "fine_tune_bias"

    pass_: Literal["fine_tune_bias"] = Field("fine_tune_bias", alias="pass")
    loss: DistillationLoss = DistillationLoss.AUTO
    steps: int = Field(100, ge=1)
    batch: int = Field(16, ge=1)
    rate: float = Field(0.1, gt=0)
    held_out: float = Field(0.2, gt=0, lt=1)
    temperature: float = Field(4.0, gt=0)
    judge_every: int = Field(20, ge=1)
    seed: int = 0

    def run(self, state: Compilation) -> Compilation:
        program = state.program
        if program is None:
            raise InputError("there is no program to tune: run lower first", key="passes")
        passes = [step.name for step in program.steps if isinstance(step, AccumulateStep)]
        if passes:
            raise InputError(
                "layers of several passes are not tuned", key="passes", found=passes[0], allowed="mac steps"
            )
        if state.calibration is None:
            raise InputError("bias fine-tuning needs calibration data", key="calibration")
        if importlib.util.find_spec("torch") is None:
            raise InputError(
                "bias fine-tuning needs PyTorch",
                key="passes",
                found="fine_tune_bias",
                allowed="pip install 'npusim[tuning]'",
            )
        images = dict(state.calibration)
        total = len(next(iter(images.values())))
        judges = round(total * self.held_out)
        if not 0 < judges < total:
            raise InputError(
                "too few calibration images to hold some out",
                key="calibration",
                found=total,
                allowed="5 or more",
            )
        tuning = _Tuning(self, state, program, images, judges)
        first = tuning.judge(program)
        best, least = tuning.train(program, first)
        word = "divergence from float" if self.diverges(program) else "squared error"
        return state.with_(program=best).note(
            f"biases were fine-tuned: {word} on {judges} held-out images {first:.4g}, then {least:.4g}"
        )

    def diverges(self, program: Program) -> bool:
        """Whether answers are compared as probabilities."""
        if self.loss is DistillationLoss.AUTO:
            return all(len(x.shape) == 1 and x.shape[0] > 1 for x in program.outputs)
        return self.loss is DistillationLoss.DIVERGENCE


class _Tuning:
    """One run of the optimiser: the images, the float answers, the biases."""

    def __init__(
        self,
        settings: FineTuneBias,
        state: Compilation,
        program: Program,
        images: dict[str, Array],
        judges: int,
    ) -> None:
        self._settings = settings
        self._tell = state.progress
        self._judges = judges
        self._codes = to_codes(program, images)
        self._wanted = _answers(state, images, settings.batch)
        self._macs = [step for step in program.ordered_steps if isinstance(step, MacStep)]

    def train(self, program: Program, first: float) -> tuple[Program, float]:
        """The best program seen, and its loss on the held-out images."""
        import torch

        settings = self._settings
        # In units of output codes: one rate suits all layers.
        units = {step.name: program.real.tensors[step.output].scale for step in self._macs}
        moved = {step.name: torch.zeros(step.outputs, requires_grad=True) for step in self._macs}
        optimiser = torch.optim.Adam(list(moved.values()), lr=settings.rate)
        decay = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda done: 0.5 * (1 + cos(pi * done / settings.steps))
        )
        best, least, tuned = program, first, program
        for done, chosen in enumerate(self._batches()):
            self._tell(f"tuning biases: step {done} of {settings.steps}, {least:.4g} on held-out images")
            run = straight_through.Run(tuned, {name: data[chosen] for name, data in self._codes.items()})
            wanted = {name: data[chosen] for name, data in self._wanted.items()}
            self._loss(program, run.outputs, wanted).backward()  # type: ignore[no-untyped-call]
            gradients = run.gradients()
            for name, vector in moved.items():
                vector.grad = gradients[name] * units[name] if name in gradients else None
            optimiser.step()
            decay.step()
            tuned = _with_shifts(program, {n: v.detach().numpy() * units[n] for n, v in moved.items()})
            if (done + 1) % settings.judge_every == 0 or done + 1 == settings.steps:
                loss = self.judge(tuned)
                best, least = (tuned, loss) if loss < least else (best, least)
        return best, least

    def judge(self, program: Program) -> float:
        """The loss on the held-out images, in integers."""
        import torch

        codes = {name: data[: self._judges] for name, data in self._codes.items()}
        outputs = Simulator(program).run(codes).outputs
        made = {
            name: torch.from_numpy(straight_through.real_values(program, name, found))
            for name, found in outputs.items()
        }
        made = {name: x.movedim(-1, 1) if x.ndim > 2 else x for name, x in made.items()}
        return float(self._loss(program, made, {name: x[: self._judges] for name, x in self._wanted.items()}))

    def _batches(self) -> Iterator[npt.NDArray[np.int64]]:
        """Indices of images that do not judge, each as often as any other."""
        rng = np.random.default_rng(self._settings.seed)
        total = len(next(iter(self._codes.values())))
        others = np.arange(self._judges, total)
        waiting = rng.permutation(others)
        for _ in range(self._settings.steps):
            while len(waiting) < min(self._settings.batch, len(others)):
                waiting = np.concatenate([waiting, rng.permutation(others)])
            yield np.sort(waiting[: self._settings.batch])
            waiting = waiting[self._settings.batch :]

    def _loss(
        self, program: Program, made: Mapping[str, torch.Tensor], wanted: Mapping[str, Array]
    ) -> torch.Tensor:
        import torch
        from torch.nn import functional

        losses = []
        for name in program.output_names:
            target = torch.from_numpy(wanted[name])
            if self._settings.diverges(program):
                warmth = self._settings.temperature
                logs = functional.log_softmax(made[name] / warmth, dim=1)
                aims = functional.log_softmax(target / warmth, dim=1)
                losses.append(functional.kl_div(logs, aims, reduction="batchmean", log_target=True))
            else:
                losses.append(functional.mse_loss(made[name], target) / (target.var() + 1e-12))
        return torch.stack(losses).sum()


def _answers(state: Compilation, images: Mapping[str, Array], batch: int) -> dict[str, Array]:
    """What the float network answers, channels second, in the units of the program's codes."""
    total = len(next(iter(images.values())))
    parts: dict[str, list[Array]] = {}
    for start in range(0, total, batch):
        state.progress(f"float answers: image {start} of {total}")
        made = reference.run(state.network, {name: x[start : start + batch] for name, x in images.items()})
        for name, values in made.items():
            parts.setdefault(name, []).append(np.moveaxis(values, -1, 1))
    return {name: np.ascontiguousarray(np.concatenate(found)) for name, found in parts.items()}


def _with_shifts(program: Program, shifts: Mapping[str, npt.NDArray[np.floating[Any]]]) -> Program:
    """The program with biases moved by real amounts."""
    register = program.datapath.mac.bias.register

    def moved(step: MacStep) -> MacStep:
        change = np.rint(shifts[step.name] / program.real.accumulators[step.name]).astype(np.int64)
        return step.replace(bias=np.clip(step.bias + change, register.low, register.high))

    return program.replace(
        steps=tuple(moved(step) if isinstance(step, MacStep) else step for step in program.steps)
    )
