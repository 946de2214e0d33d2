"""Client of the TOSA reference model, an implementation of quantized arithmetic that is not ours.

The model comes as the package ``tosa-tools`` and needs its own environment, because it pins an older numpy:
``python -m venv .tosa && .tosa/bin/pip install tosa-tools==2026.8.0``. Tests find that environment through
the variable ``NPUSIM_TOSA_PYTHON`` (``.tosa/bin/python``); without it they skip, in continuous integration
they fail. Each call of `run_cases` is one subprocess, so tests should pass many cases at once: 0.1 s a call
and about 0.2 ms a small case.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from tests.oracles.tosa_cases import (
    AddCase,
    AvgPoolCase,
    Case,
    Conv2dCase,
    DepthwiseCase,
    IntArray,
    MaxPoolCase,
    MultiplierWidth,
    Out,
    Rescale,
    RescaleCase,
    Rounding,
    Window,
    lifted,
)

__all__ = [
    "VARIABLE",
    "AddCase",
    "AvgPoolCase",
    "Case",
    "Conv2dCase",
    "DepthwiseCase",
    "IntArray",
    "MaxPoolCase",
    "MultiplierWidth",
    "Out",
    "Outcome",
    "OutsideTosaError",
    "Rescale",
    "RescaleCase",
    "Rounding",
    "Status",
    "Window",
    "lifted",
    "require_tosa",
    "run_cases",
    "run_outcomes",
]

VARIABLE = "NPUSIM_TOSA_PYTHON"
_WORKER = Path(__file__).with_name("tosa_worker.py")


class Status(Enum):
    """What the model says of a graph. Only VALID outputs mean anything."""

    VALID = "TOSA_VALID"
    UNPREDICTABLE = "TOSA_UNPREDICTABLE"  # a REQUIRE of the specification is violated by the values
    ERROR = "TOSA_ERROR"  # an ERROR_IF: the operator does not exist in this form


@dataclass(frozen=True, eq=False)
class Outcome:
    """The model's verdict on one case; `output` is None unless the status is VALID."""

    status: Status
    output: IntArray | None
    message: str


class OutsideTosaError(Exception):
    """A case's result is not defined by TOSA, so there is nothing to compare with."""


def require_tosa() -> str:
    """Give the interpreter that has tosa-tools; without one, skip the test, or fail it if ``CI=true``."""
    named = os.environ.get(VARIABLE)
    if not named:
        reason = f"{VARIABLE} does not name a Python that has tosa-tools"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    found = shutil.which(named)
    if found is None:
        pytest.fail(f"{VARIABLE}={named} is not an executable file")
    return found


def run_outcomes(cases: Sequence[Case]) -> list[Outcome]:
    """Run all cases in one subprocess and give the model's verdict on each."""
    python = require_tosa()
    with tempfile.TemporaryDirectory() as folder:
        requests, answers = Path(folder, "requests"), Path(folder, "answers")
        requests.write_bytes(pickle.dumps([case.request() for case in cases]))
        # The model calls gdb for a backtrace of each refused graph; an empty PATH spares those seconds.
        environment = {**os.environ, "PATH": ""}
        command = [python, "-I", str(_WORKER), str(requests), str(answers)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{_WORKER.name} ended with status {done.returncode}:\n{done.stderr}")
        found = [
            Outcome(Status(status), output, text)
            for status, output, text in pickle.loads(answers.read_bytes())
        ]
    return [_guarded(case, outcome) for case, outcome in zip(cases, found, strict=True)]


def _guarded(case: Case, outcome: Outcome) -> Outcome:
    hazard = case.hazard() if isinstance(case, Conv2dCase | DepthwiseCase) else None
    return outcome if hazard is None else Outcome(Status.UNPREDICTABLE, None, hazard)


def run_cases(cases: Sequence[Case]) -> list[IntArray]:
    """Run all cases in one subprocess and give their outputs.

    Raises
    ------
    OutsideTosaError
        At the first case that TOSA does not define, with the model's words.
    """
    outputs: list[IntArray] = []
    for index, outcome in enumerate(run_outcomes(cases)):
        if outcome.output is None:
            raise OutsideTosaError(f"case {index}: {outcome.status.name}: {outcome.message}")
        outputs.append(outcome.output)
    return outputs
