"""A step: one operation of a program as the hardware runs it.

A step file declares the step's schema, its limits on a datapath and how it is executed. Executing
has two parts: `prepare` packs weights, compiles pipelines and decides the path, once per run;
the `Executor` it returns computes one image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from npusim.datapath.model import Codes, Datapath
from npusim.errors import InputError
from npusim.model import Model, Name, Shape
from npusim.steps.probe import PathDecision, Probe, StatisticsMode

if TYPE_CHECKING:  # loading a program loads no kernels
    from npusim.kernels.direct.protocol import Direct
    from npusim.steps.executors.counting import Counted

Array = npt.NDArray[Any]


class TensorCodes(Codes):
    """The codes of a tensor: those of activations, or others, such as truth values, indices, sums."""

    bits: Annotated[int, Field(ge=1, le=63)]


class TensorType(Model):
    """What a tensor of a program is: its shape without the batch, and its codes."""

    shape: Shape
    bits: Annotated[int, Field(ge=1, le=63)]
    signed: bool = True

    @property
    def codes(self) -> Codes:
        """Its codes."""
        return TensorCodes(bits=self.bits, signed=self.signed)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type that carries its codes."""
        return self.codes.dtype


def activation_type(shape: Shape, datapath: Datapath) -> TensorType:
    """A tensor of the datapath's activation codes."""
    return TensorType(shape=shape, bits=datapath.activation.bits, signed=datapath.activation.signed)


def accumulator_type(shape: Shape, datapath: Datapath) -> TensorType:
    """A tensor of the datapath's accumulators."""
    return TensorType(shape=shape, bits=datapath.mac.accumulator.bits)


def require_activations(inputs: Sequence[TensorType], datapath: Datapath) -> None:
    """Raise InputError if an input holds other codes than the datapath's pipelines were proven for."""
    register = datapath.activation.register
    for index, found in enumerate(inputs):
        if found.codes.register != register:
            raise InputError(
                "the datapath does not read such codes",
                key=f"inputs[{index}]",
                found=str(found.codes.register),
                allowed=str(register),
            )


class Executor(ABC):
    """A prepared step: computes one image. Used by several threads at once."""

    @abstractmethod
    def run(self, inputs: Sequence[Array], probe: Probe) -> Array:
        """From input codes to output codes, recording what the probe asks for."""

    def direct(self) -> Direct | None:
        """Its one-pass form, for runs that record nothing; None if there is none, or none proven right."""
        return None

    def counted(self) -> Counted | None:
        """Its one-pass form that counts events; None if it has none."""
        return None

    def decision(self, mode: StatisticsMode) -> PathDecision | None:
        """How its accumulators are computed; None if it has none."""
        return None


class Step(Model):
    """Base of all steps.

    Attributes
    ----------
    inputs, output
        Tensor names.
    """

    kind: ClassVar[str]

    name: Name
    inputs: tuple[Name, ...]
    output: Name

    def output_type(self, inputs: Sequence[TensorType], datapath: Datapath) -> TensorType:
        """The output's shape and codes; raises InputError if the inputs do not suit."""
        raise NotImplementedError

    def check(self, inputs: Sequence[TensorType], datapath: Datapath) -> None:
        """A3: raise InputError if the datapath's fields cannot hold this step."""

    def prepare(self, inputs: Sequence[TensorType], output: TensorType, datapath: Datapath) -> Executor:
        """Pack weights, compile pipelines, decide the path."""
        raise NotImplementedError

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Multiply-accumulates of one image."""
        return 0

    def taps(self, datapath: Datapath) -> tuple[str, ...]:
        """The points of this step that can be recorded, in order."""
        return ("output",)
