"""What a program asks of its datapath, in few words, and what its weights weigh at the bits they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import Program
from npusim.steps.base import Step

_PER_CHANNEL = {"multiplier": "multipliers", "high": "clamps"}


def needs(program: Program) -> str:
    """What goes beyond one multiplier, one shift and one clamp per layer."""
    found = []
    shifts = [int(np.max(step.fields["inverse_shift"])) for step in _with_field(program, "inverse_shift")]
    if max(shifts, default=0):
        found.append(f"shifts 0..{max(shifts)} per channel")
    found += [
        f"{words} per channel"
        for name, words in _PER_CHANNEL.items()
        if any(np.ndim(step.fields[name]) for step in _with_field(program, name))
    ]
    orders = {step.name.rpartition(".order_")[2] for step in program.steps if ".order_" in step.name}
    if orders:
        found.append(f"{len(orders)} orders")
    return ", ".join(found) or "one scale per layer"


def weight_bytes(program: Program) -> int:
    """Bytes of all weights if every layer's took as many bits as its codes need."""
    bits = sum(codes.size * code_bits(codes) for codes in _weights(program))
    return -(-bits // 8)


def code_bits(codes: npt.NDArray[Any]) -> int:
    """The width of a two's complement register that holds every code.

    Examples
    --------
    >>> code_bits(np.array([-7, 7])), code_bits(np.array([-8, 7])), code_bits(np.array([0]))
    (4, 4, 1)
    """
    low, high = int(codes.min(initial=0)), int(codes.max(initial=0))
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + 1


def _weights(program: Program) -> list[npt.NDArray[Any]]:
    return [step.weights for step in program.steps if hasattr(step, "weights")]


def _with_field(program: Program, name: str) -> list[Any]:
    return [step for step in program.steps if name in _fields(step)]


def _fields(step: Step) -> dict[str, Any]:
    return getattr(step, "fields", {})
