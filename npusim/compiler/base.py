"""A pass: one decision of the compiler. Passes never change what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath
from npusim.model import Model
from npusim.moments import Moments
from npusim.network import Network
from npusim.program import Program
from npusim.quantization import Quantization, QuantizedWeights

Progress = Callable[[str], None]
Vector = npt.NDArray[np.float64]
_P = TypeVar("_P", bound="Pass")


@dataclass(frozen=True)
class Compilation:
    """Everything known about a network on its way to a program.

    Attributes
    ----------
    calibration
        Unlabelled inputs by name, raw or real, as the user gave them; None: there are none.
    moments
        Mean and variance of the channels of tensors that a batch norm made.
    ranges
        The real range of every tensor that has been given one.
    quantization
        Scale and zero point of every tensor that has been given one.
    weights
        Codes of every layer that has been given some.
    factors, offsets
        Per tensor and channel, what leads from the values of this network back to those of the network
        that was given: ``value * factor + offset``. Tensors that are as they were have none.
    notes
        What the user should know.
    program
        The result, once lowered.
    progress
        Told what is being done, for work that takes long.
    ahead
        The passes that are still to come: one that weighs what these will make of its work reads their
        settings.
    """

    network: Network
    datapath: Datapath
    calibration: Mapping[str, npt.NDArray[Any]] | None = None
    moments: Mapping[str, Moments] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    quantization: Mapping[str, Quantization] = field(default_factory=dict)
    weights: Mapping[str, QuantizedWeights] = field(default_factory=dict)
    factors: Mapping[str, Vector] = field(default_factory=dict)
    offsets: Mapping[str, Vector] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    program: Program | None = None
    progress: Progress = lambda _: None
    ahead: tuple[Pass, ...] = ()

    def with_(self, **changes: Any) -> Self:
        """A copy with some content changed."""
        return replace(self, **changes)

    def coming(self, kind: type[_P]) -> _P | None:
        """The first pass of a kind that is still to come."""
        return next((one for one in self.ahead if isinstance(one, kind)), None)

    def note(self, text: str) -> Self:
        """A copy with one more note."""
        return replace(self, notes=(*self.notes, text))


class Pass(Model):
    """Base of all passes; its fields are the settings a recipe may give.

    Attributes
    ----------
    moves_ranges
        Whether it changes what values tensors take: then it must come before ranges are set.
    """

    kind: ClassVar[str]
    moves_ranges: ClassVar[bool] = False

    def run(self, state: Compilation) -> Compilation:
        """The compilation after this pass."""
        raise NotImplementedError
