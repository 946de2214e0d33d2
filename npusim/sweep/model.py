"""A sweep as a file: networks, data, what all points have in common, and the axes along which they differ."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from npusim.model import Model, Name, Size
from npusim.sweep.columns import COSTS, RESERVED

Scalar = int | float | bool | str
"""One value of an axis, as it stands in a table's cell."""

AxisName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Paths = str | tuple[str, ...]
Changes = dict[str, Any]
"""Values by path."""

CHOICES = ("network", "datapath", "recipe")
"""What every point has besides its axes."""


class Quality(StrEnum):
    """What a point is judged by; more is better."""

    TOP1 = "top1"
    AGREEMENT = "agreement"
    OUTPUT_SQNR = "output_sqnr_db"
    WORST_SQNR = "worst_sqnr_db"


class Change(Model):
    """What differs from the datapath and the recipe, by path.

    Attributes
    ----------
    datapath
        Such as ``mac.accumulator.bits`` or ``pipelines.mac.result[1].rounding``.
    recipe
        A pass and its setting, such as ``quantize_weights.scheme``; ``PASS[1]`` is the second such pass.
    """

    datapath: Changes = Field(default_factory=dict)
    recipe: Changes = Field(default_factory=dict)


class Range(Model):
    """Integers from `first` to `last`, both included."""

    first: int
    last: int
    step: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _not_empty(self) -> Range:
        if self.last < self.first:
            raise ValueError(f"last is {self.last}, below first: {self.first}")
        return self


class Axis(Model):
    """One thing that differs between points.

    Attributes
    ----------
    datapath, recipe
        Where the value goes: one path or several, which then all get it.
    values, range
        The values.
    options
        Values that are more than a word, by a name of their own. Without paths each option is a
        `Change`: it says itself what it replaces.
    """

    datapath: Paths = ()
    recipe: Paths = ()
    values: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    range: Range | None = None
    options: Annotated[dict[Label, Any], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Axis:
        given = [name for name in ("values", "range", "options") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of values, range and options, not {' and '.join(given)}")
        if not (self.datapath_paths or self.recipe_paths):
            if self.options is None:
                raise ValueError("says nowhere where its values go: add `datapath` or `recipe`, or options")
            for label in self.options:
                self._own(label)
        return self

    @property
    def datapath_paths(self) -> tuple[str, ...]:
        """Where in the datapath the value goes."""
        return (self.datapath,) if isinstance(self.datapath, str) else self.datapath

    @property
    def recipe_paths(self) -> tuple[str, ...]:
        """Where in the recipe the value goes."""
        return (self.recipe,) if isinstance(self.recipe, str) else self.recipe

    @property
    def cells(self) -> Sequence[Scalar]:
        """All values as a table shows them; none if points must say them."""
        if self.range is not None:
            return range(self.range.first, self.range.last + 1, self.range.step)
        return tuple(self.options or ()) if self.values is None else self.values

    def change(self, cell: Scalar) -> Change:
        """What one value replaces."""
        if not (self.datapath_paths or self.recipe_paths):
            return self._own(str(cell))
        value = cell if self.options is None else self.options[str(cell)]
        return Change(
            datapath=dict.fromkeys(self.datapath_paths, value), recipe=dict.fromkeys(self.recipe_paths, value)
        )

    def _own(self, label: str) -> Change:
        assert self.options is not None
        option = self.options[label]
        if not isinstance(option, dict) or set(option) - {"datapath", "recipe"}:
            raise ValueError(
                f"options.{label}: an axis without a path replaces `datapath` or `recipe` by path"
            )
        return Change(**option)


class Pareto(Model):
    """Which two columns are weighed against each other.

    Attributes
    ----------
    quality
        By default top-1 where there are labels, else the SQNR of the answers.
    cost
        A cost column, or an axis of numbers.
    """

    quality: Quality | None = None
    cost: str = "accumulator_bits"


class Sweep(Model):
    """Points of the design space, each compiled and run.

    Attributes
    ----------
    networks
        Bundled ones by name, others by path from this file.
    data
        Labelled inputs, in order: bundled ones by name, others by path, ``FILE[64:125]`` for some rows.
    calibration
        Unlabelled inputs, alike.
    label_offset
        Added to labels; None: what the network's task says.
    images
        At most so many of the data.
    step_images
        SQNR of single steps is taken over so many.
    changes
        What all points replace (``set`` in the file).
    axes
        By name; a point is one value of each.
    where
        Conditions that every point meets, over the names of axes, such as ``bits >= 18``.
    points
        Instead of all combinations: each names values of some axes, and ranges over all of the others.
    """

    format: Literal["npusim-sweep-1"] = "npusim-sweep-1"
    name: Name
    title: str
    networks: Annotated[tuple[str, ...], Field(min_length=1)]
    data: Annotated[tuple[str, ...], Field(min_length=1)]
    calibration: str | None = None
    label_offset: int | None = None
    images: Size | None = None
    step_images: Size = 16
    datapaths: Annotated[tuple[str, ...], Field(min_length=1)] = ("wes_npu",)
    recipes: Annotated[tuple[str, ...], Field(min_length=1)] = ("wes",)
    changes: Change = Field(default_factory=Change, alias="set")
    axes: dict[AxisName, Axis] = Field(default_factory=dict)
    where: tuple[str, ...] = ()
    points: Annotated[tuple[dict[str, Scalar], ...], Field(min_length=1)] | None = None
    pareto: Pareto = Field(default_factory=Pareto)

    @model_validator(mode="after")
    def _names(self) -> Sweep:
        for name in self.axes:
            if name in RESERVED or keyword.iskeyword(name):
                raise ValueError(f"axes.{name}: the name has a meaning of its own; take another one")
        if self.pareto.cost not in self.costs:
            raise ValueError(f"pareto.cost: found {self.pareto.cost!r}; allowed: {', '.join(self.costs)}")
        return self

    @property
    def costs(self) -> tuple[str, ...]:
        """What quality can be weighed against."""
        return (*COSTS, *self.axes)
