"""Steps as codes through operand pipelines, something made of them, and a result pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.change import Family, Pipeline
from npusim.analysis.changes import catalogue
from npusim.analysis.rescale import Rescale, Words

Codes = npt.NDArray[Any]
Combine = Callable[[Sequence[Codes]], Codes]
"""From the operands' values, batch first, to the value of every output element, batch first."""


@dataclass(frozen=True)
class Variant:
    """Something else made of the operands."""

    family: Family
    text: str
    combine: Combine


@dataclass(frozen=True, eq=False)
class Combined:
    """One step.

    Attributes
    ----------
    operands
        Each input's pipeline, its channels as columns; None: its codes are taken as they are.
    combine
        What is made of them.
    operand_pipeline, result_pipeline
        What the catalogue of changes must know of the pipelines.
    result
        The pipeline behind it, its columns channels, or all elements that go through it; None: none.
    rescaled : bool[elements]
        Which output elements go through it; None: all.
    point
        The tap that records what was combined; None: there is none.
    variants
        Other things that could be made of the operands.
    """

    operands: tuple[Rescale | None, ...]
    combine: Combine
    operand_pipeline: Pipeline
    result_pipeline: Pipeline
    result: Rescale | None = None
    rescaled: npt.NDArray[np.bool_] | None = None
    point: str | None = None
    variants: tuple[Variant, ...] = ()

    def values(self, inputs: Sequence[Codes]) -> Codes:
        """What was combined, batch first."""
        sides = zip(inputs, self.operands, strict=True)
        return self.combine([x if rescale is None else _run(rescale, x) for x, rescale in sides])


def _run(rescale: Rescale, x: Codes) -> Words:
    rows = np.ascontiguousarray(x.reshape(-1, rescale.channels), np.int64)
    made: Words = rescale.run(rows).astype(np.int64).reshape(x.shape)
    return made


@dataclass(frozen=True, eq=False)
class FrontChange:
    """One rule before the result pipeline, changed."""

    family: Family
    text: str
    apply: Callable[[Combined], Combined]
    setting: str | None = None


def front_catalogue(made: Combined) -> Iterator[FrontChange]:
    """Every single-rule change of the operands and of what is made of them."""
    for variant in made.variants:
        yield FrontChange(variant.family, variant.text, _combining(variant.combine))
    given = [rescale for rescale in made.operands if rescale is not None]
    if len(given) == 2 and len(made.operands) == 2:
        text = f"{made.operand_pipeline.place}: the registers of the two operands are exchanged"
        yield FrontChange(Family.OPERANDS, text, _exchanged)
    if given:
        for change in catalogue(given[0].stages, made.operand_pipeline):
            yield FrontChange(change.family, change.text, _on_operands(change.apply), change.setting)


def _combining(combine: Combine) -> Callable[[Combined], Combined]:
    return lambda made: replace(made, combine=combine)


def _exchanged(made: Combined) -> Combined:
    first, second = made.operands
    assert first is not None
    assert second is not None
    sides = replace(first, fields=second.fields), replace(second, fields=first.fields)
    return replace(made, operands=sides)


def _on_operands(change: Callable[[Rescale], Rescale]) -> Callable[[Combined], Combined]:
    """The same in every operand: they share one pipeline."""

    def apply(made: Combined) -> Combined:
        sides = tuple(None if rescale is None else change(rescale) for rescale in made.operands)
        return replace(made, operands=sides)

    return apply
