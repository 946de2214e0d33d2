"""What a MAC column's coverage is measured on: operands, beats, registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from npusim.datapath import Datapath
from npusim.datapath.mac_widths import mac_widths
from npusim.errors import InputError
from npusim.spec.convolution import ZeroPoint
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace, Column, accumulate
from npusim.spec.width import Width

Beats = tuple[tuple[int, ...], ...]
"""Codes, by beat and lane."""


@dataclass(frozen=True)
class ColumnVector:
    """One output of a column: codes by beat and lane, the bias, the zero points that the MAC takes off."""

    activations: Beats
    weights: Beats
    bias: int
    x_zero: int = 0
    weight_zero: int = 0


@dataclass(frozen=True)
class Write:
    """What one write to the accumulator did.

    Attributes
    ----------
    exact, value
        Before and behind the register.
    tree_exact
        The beat's sum before the tree's register.
    tree_fits
        Whether that register held it.
    """

    exact: int
    value: int
    tree_exact: int
    tree_fits: bool


@dataclass(frozen=True)
class ColumnUnit:
    """A MAC column on outputs of `beats` beats.

    Examples
    --------
    >>> from npusim.datapath import load_datapath
    >>> ColumnUnit(load_datapath("wes_npu"), 4).writes
    4
    """

    datapath: Datapath
    beats: int = 4

    def __post_init__(self) -> None:
        if self.beats < 1:
            raise InputError("a column has beats", key="beats", found=self.beats, allowed="1 or more")

    @property
    def name(self) -> str:
        """Such as ``mac.column_of_4_beats``."""
        return f"mac.column_of_{self.beats}_beats"

    @property
    def late(self) -> bool:
        """Whether the bias is an accumulate of its own."""
        return self.datapath.mac.bias.place is BiasPlace.LATE

    @property
    def writes(self) -> int:
        """How often the accumulator is written."""
        return self.beats + self.late

    @property
    def lanes(self) -> int:
        """Products of a beat."""
        return self.datapath.mac.lanes

    @property
    def accumulator(self) -> Width:
        """The register."""
        return self.datapath.mac.accumulator.register

    @cached_property
    def bias(self) -> Interval:
        """What the bias may be."""
        return Interval.of(self.datapath.mac.bias.register)

    @cached_property
    def activation(self) -> Interval:
        """The codes that a column is given; digits of them where the multiplier is narrower."""
        narrower = self.datapath.operand != self.datapath.activation.register
        return Interval.of(self.datapath.operand) if narrower else self.datapath.activation.interval

    @property
    def weight(self) -> Interval:
        """The weight codes."""
        return self.datapath.weight.interval

    @cached_property
    def x_zero(self) -> Interval:
        """What the MAC can take off activations."""
        subtracts = self.datapath.mac.zero_point is ZeroPoint.SUBTRACT
        return self.datapath.ranges().get("x_zero", self.activation) if subtracts else Interval(0, 0)

    @cached_property
    def weight_zero(self) -> Interval:
        """What the MAC can take off weights."""
        takes = self.datapath.weight.zero_point
        return self.datapath.ranges().get("weight_zero", self.weight) if takes else Interval(0, 0)

    @cached_property
    def beat(self) -> Interval:
        """One beat's exact sum."""
        return mac_widths(self.datapath).beat

    def pairs(self, vector: ColumnVector) -> list[list[tuple[int, int]]]:
        """What the multipliers read."""
        return [
            [(x - vector.x_zero, w - vector.weight_zero) for x, w in zip(xs, ws, strict=True)]
            for xs, ws in zip(vector.activations, vector.weights, strict=True)
        ]

    @cached_property
    def register_only(self) -> Column:
        """The column's accumulator without its tree, and without a late bias."""
        return replace(self.datapath.mac.column, bias_place=BiasPlace.PRELOAD, tree=None)

    def observe(self, vector: ColumnVector) -> list[Write]:
        """What each write did, by the spec: beat by beat, then a late bias."""
        column = self.datapath.mac.column
        tree = replace(column, accumulator=Width(128), bias_place=BiasPlace.PRELOAD)
        plain = replace(tree, tree=None)
        added = []
        for beat in self.pairs(vector):
            exact, value = accumulate([beat], 0, plain).value, accumulate([beat], 0, tree).value
            added.append((exact, value))
        value = 0 if self.late else vector.bias
        if self.late:
            added.append((vector.bias, vector.bias))
        writes = []
        for tree_exact, addend in added:
            exact, before = value + addend, value
            value = accumulate([[(addend, 1)]], before, self.register_only).value
            writes.append(Write(exact, value, tree_exact, tree_exact == addend))
        return writes

    def problem(self, vector: ColumnVector) -> str | None:
        """Why no legal program has such a vector (A3); None if one may."""
        for name, allowed in (
            ("bias", self.bias),
            ("x_zero", self.x_zero),
            ("weight_zero", self.weight_zero),
        ):
            if getattr(vector, name) not in allowed:
                return f"{name} {getattr(vector, name)} is not in {allowed}"
        for name, codes, allowed in (
            ("activations", vector.activations, self.activation),
            ("weights", vector.weights, self.weight),
        ):
            if len(codes) != self.beats or any(len(beat) != self.lanes for beat in codes):
                return f"{name} are not {self.beats} beats of {self.lanes} lanes"
            if any(code not in allowed for beat in codes for code in beat):
                return f"{name} are not all in {allowed}"
        return None


def filled(
    unit: ColumnUnit, beats: Sequence[Sequence[tuple[int, int]]], bias: int, zeros: tuple[int, int] = (0, 0)
) -> ColumnVector:
    """A vector of beats of (activation, weight) codes; what is missing makes products of 0."""
    nothing = (
        min(max(zeros[0], unit.activation.low), unit.activation.high),
        min(max(zeros[1], unit.weight.low), unit.weight.high),
    )
    rows = [[*beat, *[nothing] * (unit.lanes - len(beat))] for beat in beats]
    rows += [[nothing] * unit.lanes] * (unit.beats - len(rows))
    activations, weights = (tuple(tuple(pair[i] for pair in row) for row in rows) for i in (0, 1))
    return ColumnVector(activations, weights, bias, *zeros)
