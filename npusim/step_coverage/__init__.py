"""Coverage of a program's steps: their own registers, weights and shapes, and inputs that are solved for.

Bins end `hit` by an output of a solved input, which the spec confirms, `unreachable` with a certificate that
is checked again, or `unknown` where the budget did not suffice. A user's inputs can be graded.
"""

from __future__ import annotations

from npusim.step_coverage.certificates import Argument, StepCertificate
from npusim.step_coverage.cover import cover_steps
from npusim.step_coverage.grade import grade_steps
from npusim.step_coverage.report import StepCover, StepOutcome, StepReport, Where

__all__ = [
    "Argument",
    "StepCertificate",
    "StepCover",
    "StepOutcome",
    "StepReport",
    "Where",
    "cover_steps",
    "grade_steps",
]
