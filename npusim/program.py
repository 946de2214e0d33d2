"""The integer program: steps in YAML, integer arrays in HDF5; it carries its datapath."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

import npusim.steps
from npusim import notebook
from npusim.datapath.model import Datapath
from npusim.datapath.registers import conflict
from npusim.errors import InputError
from npusim.files.arrays import DigestRule, FloatArray, IntegerArray
from npusim.files.documents import load_document, save_document
from npusim.graph import Node, execution_order
from npusim.model import Model, Name, Shape
from npusim.preprocess import Preprocess
from npusim.registry import find
from npusim.spec import ARITHMETIC_VERSION
from npusim.steps.base import Step, TensorType
from npusim.steps.mac_array import MacArrayStep

STEPS = find(npusim.steps, Step, "step")
"""Every step, by the name a program's YAML calls it."""

if TYPE_CHECKING:
    AnyStep = Step
else:
    AnyStep = Annotated[reduce(or_, STEPS.values()), Field(discriminator="step")]


class RealTensor(Model):
    """What a tensor's codes mean: ``scale * (code - zero_point)``, then ``* factors + offsets``.

    Attributes
    ----------
    factors, offsets
        Per channel, where the compiler scaled or shifted channels: they lead back to the value that
        the float network has there. None: 1 and 0.
    """

    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    zero_point: int = 0
    factors: FloatArray | None = None
    offsets: FloatArray | None = None

    def dequantize(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Codes, channels last, in the float network's units."""
        real = self.scale * (codes.astype(np.float64) - self.zero_point)
        real = real if self.factors is None else real * self.factors
        return real if self.offsets is None else real + self.offsets


class Real(Model):
    """What only quantizing, dequantizing and reports read; no step does.

    Attributes
    ----------
    accumulators
        Per step the real value of one accumulator unit of each output channel.
    byte_tables
        Per input the code of every byte, (channels, 256) (A9).
    """

    preprocess: Preprocess | None = None
    tensors: dict[Name, RealTensor] = Field(default_factory=dict)
    accumulators: dict[Name, FloatArray] = Field(default_factory=dict)
    byte_tables: dict[Name, IntegerArray] = Field(default_factory=dict)


@dataclass(frozen=True)
class TensorDescription:
    """An input or output of a program."""

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    scale: float | None
    zero_point: int | None


class Program(Model):
    """A compiled integer network.

    Attributes
    ----------
    recipe
        The recipe it was compiled by; None: it was imported or written by hand.
    edited
        Whether arrays were changed by hand and sealed since it was compiled.
    notes
        What the compiler did that its user should know.
    tensors
        Every tensor's shape and codes.
    """

    format: Literal["npusim-program-1"] = "npusim-program-1"
    name: Name
    arithmetic_version: Literal[1] = ARITHMETIC_VERSION
    recipe: Name | None = None
    edited: bool = False
    notes: tuple[str, ...] = ()
    input_names: Annotated[tuple[Name, ...], Field(alias="inputs")]
    output_names: Annotated[tuple[Name, ...], Field(min_length=1, alias="outputs")]
    tensors: dict[Name, TensorType]
    steps: tuple[AnyStep, ...]
    real: Real = Field(default_factory=Real)
    datapath: Datapath

    @model_validator(mode="after")
    def _consistent(self) -> Program:
        check_program(self, self.datapath)
        _check_real(self)
        return self

    @cached_property
    def ordered_steps(self) -> tuple[Step, ...]:
        """The steps in execution order."""
        nodes = [Node(step.name, step.inputs, (step.output,)) for step in self.steps]
        order = execution_order(nodes, self.input_names, self.output_names, "steps")
        return tuple(self.steps[index] for index in order)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(step.macs(self.input_types(step), self.tensors[step.output]) for step in self.steps)

    @property
    def inputs(self) -> tuple[TensorDescription, ...]:
        """What the program reads."""
        return tuple(self.describe(name) for name in self.input_names)

    @property
    def outputs(self) -> tuple[TensorDescription, ...]:
        """What it answers with."""
        return tuple(self.describe(name) for name in self.output_names)

    def describe(self, tensor: str) -> TensorDescription:
        """One tensor in a user's words."""
        kind, real = self.tensors[tensor], self.real.tensors.get(tensor)
        return TensorDescription(
            tensor,
            kind.shape,
            kind.dtype,
            None if real is None else real.scale,
            None if real is None else real.zero_point,
        )

    def input_types(self, step: Step) -> list[TensorType]:
        """The types of a step's inputs."""
        return [self.tensors[name] for name in step.inputs]

    def save(self, path: str | Path) -> None:
        """Write YAML and, beside it, HDF5; whole or not at all."""
        save_document(Path(path), self)

    def __repr__(self) -> str:
        return notebook.program_line(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return notebook.program_html(self)


def check_program(program: Program, datapath: Datapath) -> None:
    """A3: refuse a program that a datapath's fields cannot hold, before anything runs.

    Raises
    ------
    InputError
        Naming the step and its key; or what means one thing in the program and another on the datapath.
    """
    _check_meaning(program, datapath)
    for name in program.input_names:
        if name not in program.tensors:
            raise InputError("an input without a shape", key="tensors", found=name)
    position = {step.name: index for index, step in enumerate(program.steps)}
    for step in program.ordered_steps:
        try:
            _check_step(program, step, datapath)
        except InputError as error:
            raise error.within(f"steps[{position[step.name]}]") from None


def _check_meaning(program: Program, datapath: Datapath) -> None:
    """Refuse registers and biases that fit, but were filled for other hardware: answers would be wrong."""
    own = program.datapath
    name = conflict(own, datapath)
    if name is not None:
        raise InputError(
            f"{datapath.name} does not read the register {name} as {own.name} fills it",
            key="scale.fills",
            found=f"{own.scale.parts[name]} (pivot {own.scale.pivot}) in the program",
            allowed=f"{datapath.scale.parts[name]} (pivot {datapath.scale.pivot}); "
            "npusim.analysis.refilled_for fills a program's registers anew",
        )
    require_same_biases(program, datapath)


def require_same_biases(program: Program, datapath: Datapath) -> None:
    """Refuse biases with zero points in them on a MAC that takes these off itself, or the other way round.

    Raises
    ------
    InputError
        Naming the first step.
    """
    own = program.datapath
    shifted = [step.name for step in program.steps if isinstance(step, MacArrayStep) and step.x_zero]
    if own.mac.zero_point is not datapath.mac.zero_point and shifted:
        raise InputError(
            f"the biases of {shifted[0]} were made for another MAC: compile the network for {datapath.name}",
            key="mac.zero_point",
            found=f"{own.mac.zero_point} in the program",
            allowed=f"{datapath.mac.zero_point} on {datapath.name}",
        )


def _check_step(program: Program, step: Step, datapath: Datapath) -> None:
    inputs = program.input_types(step)
    made = step.output_type(inputs, datapath)
    declared = program.tensors.get(step.output)
    if declared != made:
        raise InputError(
            f"tensors.{step.output} does not describe what the step makes",
            key="output",
            found=None if declared is None else declared.model_dump(),
            allowed=str(made.model_dump()),
        )
    step.check(inputs, datapath)


def _check_real(program: Program) -> None:
    """Refuse meanings that do not fit the tensors they belong to."""
    for name, real in program.real.tensors.items():
        key = f"real.tensors.{name}"
        if name not in program.tensors:
            raise InputError("the program has no such tensor", key=key)
        channels = program.tensors[name].shape[-1:]
        for what, vector in (("factors", real.factors), ("offsets", real.offsets)):
            if vector is not None and vector.shape != channels:
                raise InputError(
                    "one value per channel is wanted",
                    key=f"{key}.{what}",
                    found=vector.shape,
                    allowed=str(channels),
                )
    for name, table in program.real.byte_tables.items():
        _check_byte_table(program, name, table)


def _check_byte_table(program: Program, name: str, table: npt.NDArray[np.int64]) -> None:
    key = f"real.byte_tables.{name}"
    if name not in program.input_names:
        raise InputError("the program has no such input", key=key, allowed=", ".join(program.input_names))
    kind = program.tensors[name]
    channels = kind.shape[-1]
    if table.shape not in {(1, 256), (channels, 256)}:
        allowed = f"one code per byte and channel, ({channels}, 256)"
        raise InputError("the table has the wrong shape", key=key, found=table.shape, allowed=allowed)
    for code in (int(table.min()), int(table.max())):
        if code not in kind.codes.interval:
            allowed = str(kind.codes.interval)
            raise InputError("no code of the input", key=key, found=code, allowed=allowed)


def load_program(path: str | Path, *, digests: DigestRule = DigestRule.REQUIRED) -> Program:
    """Load an integer program.

    Raises
    ------
    InputError
        Naming file, line and key of what is wrong.
    """
    return load_document(Path(path), Program, digests=digests)


def seal(path: str | Path) -> Program:
    """Accept arrays that were edited by hand: digests are made anew, the program is marked as edited."""
    program = load_program(path, digests=DigestRule.IGNORED).replace(edited=True)
    program.save(path)
    return program
