"""Devices that break one rule each, made without the catalogue of changes: by datapath, step or inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import npusim
from npusim.datapath import Datapath
from npusim.datapath.load import change_datapath
from npusim.program import Program
from npusim.spec.rounding import Rounding
from tests.analysis.builders import WES

RESULT = "pipelines.mac.result"


@dataclass(frozen=True)
class Mutant:
    """A device, and what its rule is called.

    Attributes
    ----------
    rules
        Texts of changes, one of which must be reported.
    mac
        Whether its accumulators are wrong.
    """

    name: str
    rules: tuple[str, ...]
    run: Callable[[Program, Any], dict[str, Any]]
    mac: bool = False


def mutants() -> Iterator[Mutant]:
    """All of them."""
    for rule in Rounding:
        if rule is not Rounding.HALF_UP:
            yield _datapath(f"rounds {rule}", {f"{RESULT}[1].rounding": rule.value}, f"rounds {rule}, not")
    multiply, shift, add, clamp = STAGES
    both, alone, first = (
        ["shift", "inverse_shift"],
        {**shift, "by": ["inverse_shift"]},
        {**shift, "by": ["shift"]},
    )
    floor = {**alone, "rounding": "floor"}
    for name, stages, text in (
        ("inverse shift first", [alone, multiply, first, add, clamp], "before the first stage, half_up"),
        ("inverse shift first, floor", [floor, multiply, first, add, clamp], "before the first stage, floor"),
        ("inverse shift last", [multiply, first, alone, add, clamp], "after the rounding, half_up again"),
        (
            "inverse shift last, floor",
            [multiply, first, floor, add, clamp],
            "after the rounding, floor again",
        ),
        ("no inverse shift", [multiply, first, add, clamp], "inverse_shift is left out"),
        (
            "inverse shift twice",
            [multiply, {**shift, "by": [*both, "inverse_shift"]}, add, clamp],
            "by twice",
        ),
        ("shift + 1", [multiply, {**shift, "by": [*both, 1]}, add, clamp], "one bit too far"),
        ("no zero point", [multiply, shift, clamp], "y_zero is left out"),
        (
            "zero point's sign",
            [multiply, shift, {**add, "operand": "-y_zero"}, clamp],
            "y_zero has the other sign",
        ),
        ("wraps", [multiply, shift, add, {"stage": "wrap", "to": 8}], "wraps to 8 bits"),
        (
            "no bounds",
            [multiply, shift, add, {"stage": "saturate", "to": 8}],
            "clamps to the code range only",
        ),
        (
            "product of 32 bits wraps",
            [{**multiply, "bits": 32, "overflow": "wrap"}, shift, add, clamp],
            "wraps at 32",
        ),
    ):
        yield _datapath(name, {RESULT: stages}, text)
    yield _fields("shift - 1", {"shift": lambda v: v - 1}, "one bit too little")
    yield _fields(
        "inverse shift of 3 bits", {"inverse_shift": lambda v: v & 7}, "inverse_shift is one bit short"
    )
    yield _fields(
        "multiplier of 15 bits", {"multiplier": lambda v: v & 0x7FFF}, "multiplier is one bit short"
    )
    yield _fields(
        "inverse shift of the next", {"inverse_shift": lambda v: np.roll(v, -1)}, "that of the next channel"
    )
    yield _fields("low - 1", {"low": lambda v: 0 * v - 128}, "low is not applied")
    yield Mutant("off by one", ("the result is off by +1 before the last stage",), _plus_one)
    yield _mac_datapath(
        "18 bits wrap", {"accumulator": {"bits": 18, "overflow": "wrap"}}, "18 bits and wraps"
    )
    yield _mac_datapath(
        "18 bits saturate", {"accumulator": {"bits": 18, "overflow": "saturate"}}, "18 bits and sat"
    )
    yield _step("bias left out", lambda s: {"bias": 0 * s.bias}, "the bias is left out")
    yield _step("bias of the next", lambda s: {"bias": np.roll(s.bias, -1)}, "that of the next channel")
    yield _step(
        "zero point added", lambda s: {"bias": s.bias + 2 * _share(s)}, "x_zero is added, not taken off"
    )
    yield _step("zero point kept", lambda s: {"bias": s.bias + _share(s)}, "x_zero is not taken off")
    yield _step("accumulator + 1", lambda s: {"bias": s.bias + 1}, "the accumulator is off by +1")
    yield _step("last tap lost", lambda s: {"weights": _without_last(s.weights)}, "the last beat is left out")
    yield _step(
        "weights of the previous", lambda s: {"weights": np.roll(s.weights, 1, axis=0)}, "previous channel"
    )


STAGES = [
    {"stage": "multiply", "by": "multiplier"},
    {"stage": "shift_right", "by": ["shift", "inverse_shift"], "rounding": "half_up"},
    {"stage": "add", "operand": "y_zero"},
    {"stage": "clamp", "low": "low", "high": "high"},
]


def taps_of(program: Program, images: Any, datapath: Datapath | None = None) -> dict[str, Any]:
    """All accumulators and outputs."""
    names = [step.name for step in program.steps]
    taps = npusim.simulate(program, images, taps=names, datapath=datapath).taps
    return {
        f"taps/{step}/{point}": values for step, points in taps.items() for point, values in points.items()
    }


def _datapath(name: str, changes: dict[str, Any], *texts: str) -> Mutant:
    mutated = change_datapath(WES, changes, "mutant")
    return Mutant(name, texts, lambda program, images: taps_of(program, images, mutated))


def _mac_datapath(name: str, mac: dict[str, Any], *texts: str) -> Mutant:
    changes = {"mac.accumulator": mac["accumulator"], "mac.bias.bits": mac["accumulator"]["bits"]}
    mutated = change_datapath(WES, changes, "mutant")
    return Mutant(name, texts, lambda program, images: taps_of(program, images, mutated), mac=True)


def _step(name: str, change: Callable[[Any], dict[str, Any]], *texts: str) -> Mutant:
    def run(program: Program, images: Any) -> dict[str, Any]:
        first = program.steps[0]
        return taps_of(program.replace(steps=(first.replace(**change(first)), *program.steps[1:])), images)

    return Mutant(name, texts, run, mac=True)


def _fields(name: str, changes: dict[str, Callable[[Any], Any]], *texts: str) -> Mutant:
    def run(program: Program, images: Any) -> dict[str, Any]:
        first = program.steps[0]
        fields = {k: changes[k](v) if k in changes else v for k, v in first.fields.items()}
        return taps_of(program.replace(steps=(first.replace(fields=fields), *program.steps[1:])), images)

    return Mutant(name, texts, run)


def _plus_one(program: Program, images: Any) -> dict[str, Any]:
    found = taps_of(program, images)
    key = f"taps/{program.steps[0].name}/output"
    low, high = program.steps[0].fields["low"], program.steps[0].fields["high"]
    exact = npusim.simulate(program, images, taps=[f"{program.steps[0].name}:2.add"]).taps
    added = next(iter(exact[program.steps[0].name].values()))
    found[key] = np.clip(added + 1, low, high).astype(np.int8)
    return found


def _share(step: Any) -> Any:
    return step.x_zero * step.weights.sum(axis=(1, 2, 3), dtype=np.int64)


def _without_last(weights: Any) -> Any:
    less = weights.copy()
    less[:, -1, -1] = 0
    return less
