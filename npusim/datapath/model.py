"""What a datapath can be: the hardware's arithmetic as one YAML file."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from npusim import notebook
from npusim.datapath.operations import PIPELINES, PipelineRole
from npusim.model import Model
from npusim.spec import ARITHMETIC_VERSION
from npusim.spec.convolution import ZeroPoint
from npusim.spec.expansion import ExpansionForm
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.scale import ScaleRecipe
from npusim.spec.stages import BaseStage, Stage
from npusim.spec.width import Overflow, Width

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.+-]*$", max_length=100)]


class Granularity(StrEnum):
    """How many registers a field has."""

    LAYER = "layer"
    CHANNEL = "channel"


class EvidenceStatus(StrEnum):
    """How a datapath is known to be what it says."""

    CHECKED = "checked"
    """Run against an outside binary or outside vectors, by the named test."""
    CITED = "cited"
    """Read from the named source."""


class Evidence(Model):
    """Why a datapath may be believed."""

    status: EvidenceStatus
    by: str


class Codes(Model):
    """The integer codes of a tensor: `bits`, signed or not, and the least code if not the lowest."""

    bits: Annotated[int, Field(ge=2, le=16)]
    signed: bool = True
    low: int | None = None

    @property
    def register(self) -> Width:
        """The width that carries a code."""
        return Width(self.bits, self.signed)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type that carries a code."""
        size = next(size for size in (1, 2, 4, 8) if self.bits <= 8 * size)
        return np.dtype(f"{'i' if self.signed else 'u'}{size}")

    @property
    def interval(self) -> Interval:
        """All codes."""
        return Interval(self.register.low if self.low is None else self.low, self.register.high)

    def narrowed(self, bits: int) -> Interval:
        """The codes of so many bits, no more than there are, in the middle of the register."""
        narrow = Interval.of(Width(min(bits, self.bits), self.signed))
        return Interval(max(narrow.low, self.interval.low), narrow.high)

    @model_validator(mode="after")
    def _low_fits(self) -> Codes:
        if self.low is not None and not self.register.holds(self.low):
            raise ValueError(f"low is {self.low}, but {self.register} holds {Interval.of(self.register)}")
        return self


class Weights(Codes):
    """Weight codes; `zero_point` says whether the MAC can take one off."""

    zero_point: bool = False


class Accumulator(Model):
    """The register a MAC column adds into."""

    bits: Annotated[int, Field(ge=2, le=64)]
    overflow: Overflow

    @property
    def register(self) -> Width:
        """Its width; accumulators are signed."""
        return Width(self.bits)


class Tree(Model):
    """An adder tree narrower than a beat's exact sum."""

    bits: Annotated[int, Field(ge=2, le=64)]
    overflow: Overflow


class Bias(Model):
    """The bias register and when it meets the accumulator."""

    bits: Annotated[int, Field(ge=2, le=64)]
    place: BiasPlace = BiasPlace.PRELOAD

    @property
    def register(self) -> Width:
        """Its width; biases are signed."""
        return Width(self.bits)


class Expansion(Model):
    """A7: how many passes over one layer's orders meet before the one rounding, and how.

    Attributes
    ----------
    orders
        The most passes that are summed.
    form
        Where they meet.
    max_shift
        For a shared accumulator: how far it can be shifted left between two passes.
    input_bits
        The width of the multiplier's activation operand, where activation codes are wider: they are
        read in several passes, a digit of so many bits in each. None: as wide as the codes.
    """

    orders: Annotated[int, Field(ge=2, le=16)]
    form: ExpansionForm
    max_shift: Annotated[int, Field(ge=0, le=16)] = 0
    input_bits: Annotated[int, Field(ge=2, le=15)] | None = None


class Mac(Model):
    """The MAC array: W2, W3. The loop nest is A6; `expansion` is A7's, None: one pass a layer."""

    zero_point: ZeroPoint
    lanes: Annotated[int, Field(ge=1, le=4096)]
    tree: Tree | None = None
    accumulator: Accumulator
    bias: Bias
    expansion: Expansion | None = None

    @property
    def column(self) -> Column:
        """The spec's MAC column."""
        if self.tree is None:
            return Column(self.accumulator.register, self.accumulator.overflow, self.bias.place)
        return Column(
            self.accumulator.register,
            self.accumulator.overflow,
            self.bias.place,
            Width(self.tree.bits),
            self.tree.overflow,
        )


class RegisterField(Model):
    """A register the program fills: its width, and whether every channel has its own.

    A width of 0 bits is a field that the hardware lacks: it always reads as 0.
    """

    bits: Annotated[int, Field(ge=0, le=64)]
    signed: bool = False
    per: Granularity = Granularity.LAYER

    @property
    def interval(self) -> Interval:
        """What it holds."""
        return Interval.of(Width(self.bits, self.signed))


StageModel = Annotated[Stage, Field(discriminator="stage")]


class Pipeline(Model):
    """An operation's stages: for each operand (add, concat), and for the result."""

    operand: tuple[StageModel, ...] | None = None
    result: tuple[StageModel, ...] | None = None

    def stages(self, role: PipelineRole) -> tuple[BaseStage, ...] | None:
        """The list for one role; None if it is not declared."""
        return self.operand if role is PipelineRole.OPERAND else self.result


class Datapath(Model):
    """The arithmetic of one piece of hardware.

    Attributes
    ----------
    activation, weight
        The codes of tensors and of weights.
    mac
        Operands to accumulator.
    fields
        Registers that programs fill and stages read. `multiplier`, `shift` and `inverse_shift` are
        filled by the compiler from scales; `x_zero`, `y_zero`, `low` and `high` from zero points and
        activation bounds.
    scale
        How a real multiplier becomes `multiplier` and `shift`.
    pipelines
        Each operation's stages. `conv2d`, `depthwise_conv2d` and `dense` fall back to `mac`.
    """

    format: Literal["npusim-datapath-1"] = "npusim-datapath-1"
    name: Name
    title: str
    source: str
    evidence: Evidence
    arithmetic_version: Literal[1] = ARITHMETIC_VERSION
    activation: Codes
    weight: Weights
    mac: Mac
    fields: dict[Name, RegisterField]
    scale: ScaleRecipe
    pipelines: dict[Name, Pipeline]

    @model_validator(mode="after")
    def _consistent(self) -> Datapath:
        from npusim.datapath.checks import check

        check(self)
        return self

    def pipeline(self, operation: str) -> Pipeline | None:
        """The pipeline of an operation, through its fallback; None if the hardware has none."""
        found = self.pipelines.get(operation)
        fallback = PIPELINES[operation].fallback
        return found if found is not None or fallback is None else self.pipeline(fallback)

    def ranges(self) -> dict[str, Interval]:
        """What each field may hold: the spec's `Ranges`."""
        return {name: field.interval for name, field in self.fields.items()}

    @property
    def operand(self) -> Width:
        """What the multiplier reads of activations: a code, or a digit of one."""
        expansion = self.mac.expansion
        wanted = None if expansion is None else expansion.input_bits
        return self.activation.register if wanted is None else Width(wanted)

    @property
    def inverse_shift_max(self) -> int:
        """The greatest per-channel inverse shift; 0 without the field."""
        field = self.fields.get("inverse_shift")
        return 0 if field is None else field.interval.high

    def per_channel(self, field: str) -> bool:
        """Whether every channel has its own register of this name."""
        return field in self.fields and self.fields[field].per is Granularity.CHANNEL

    def __repr__(self) -> str:
        return notebook.datapath_line(self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from npusim.datapath.describe import describe

        return notebook.datapath_html(self, describe(self))
