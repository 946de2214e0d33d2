"""What steps on words share: tensors of integers whose width is their own, not the datapath's (A2)."""

from __future__ import annotations

from collections.abc import Sequence

from npusim.datapath.checks import WORD_BITS
from npusim.datapath.operations import WORD
from npusim.errors import InputError
from npusim.spec.interval import Interval
from npusim.spec.stages import BaseStage
from npusim.steps.base import TensorType
from npusim.steps.fields import PlainFields, field_hulls


def require_words(inputs: Sequence[TensorType]) -> None:
    """Raise InputError if an input is wider than a word."""
    for index, found in enumerate(inputs):
        if not found.codes.interval.within(Interval.of(WORD)):
            raise InputError(
                "too wide for an operation on words",
                key=f"inputs[{index}]",
                found=str(found.codes.register),
                allowed=f"within {WORD}",
            )


def widest(inputs: Sequence[TensorType]) -> TensorType:
    """The input whose codes hold all others' codes; raises InputError if signed and unsigned ones meet."""
    for index, found in enumerate(inputs):
        if found.signed != inputs[0].signed:
            raise InputError(
                "signed and unsigned codes meet",
                key=f"inputs[{index}]",
                found=str(found.codes.register),
                allowed=f"like {inputs[0].codes.register}",
            )
    return max(inputs, key=lambda one: one.bits)


def check_reach(
    stages: Sequence[BaseStage], entering: Interval, fields: PlainFields, output: TensorType
) -> None:
    """A2 with a step's own fields, where the datapath's proof does not cover its values.

    Nothing leaves the machine word, and results are codes of the output.

    Raises
    ------
    InputError
        Naming the stage.
    """
    value, ranges = entering, field_hulls(fields)
    for index, stage in enumerate(stages):
        exact = stage.exact_reach(value, ranges)
        if exact.bits > WORD_BITS:
            raise InputError(
                f"stage {index}, {stage.stage}, reaches {exact.bits} bits",
                key="fields",
                allowed=f"{WORD_BITS} bits (A2)",
            )
        value = stage.reach(value, ranges)
    if not value.within(output.codes.interval):
        raise InputError(
            "results can leave the output's codes",
            key="fields",
            found=str(value),
            allowed=str(output.codes.interval),
        )
