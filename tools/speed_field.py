"""Who runs a network beside npusim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import npusim
from tools.timing import Run

Array = npt.NDArray[Any]

OURS, COUNTING = "npusim", "npusim, counting events"
REFERENCE = "TFLite reference kernels"


@dataclass(frozen=True)
class Contender:
    """Something that runs the image.

    Attributes
    ----------
    bits
        Whether its answer has npusim's bits, in words.
    outside
        Seconds of one image, where it runs in a process of its own and cannot take turns.
    layers
        Seconds of each multiply-accumulate layer in order, where its runtime tells them.
    """

    name: str
    run: Run
    bits: str
    outside: Callable[[], float] | None = None
    layers: tuple[float, ...] = ()


@dataclass(frozen=True)
class Field:
    """A network with who runs it; ours first."""

    name: str
    program: npusim.Program
    images: dict[str, Array]
    contenders: list[Contender]


def same_bits(made: Array, wanted: Array) -> str:
    """Yes, or how far away."""
    difference = np.abs(made.reshape(-1).astype(np.int64) - wanted.reshape(-1))
    return "yes" if not difference.any() else f"no: up to {difference.max()} codes"
