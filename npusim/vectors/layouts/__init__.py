"""Which vector files a step has: one layout a kind of step; the plain one for all others."""

from __future__ import annotations

from collections.abc import Callable

from npusim.vectors.layouts.accumulate import AccumulateLayout
from npusim.vectors.layouts.base import Layout, StepContext
from npusim.vectors.layouts.mac import MacLayout
from npusim.vectors.layouts.plain import PlainLayout

_LAYOUTS: dict[str, Callable[[StepContext], Layout]] = {
    "mac": MacLayout,
    "accumulate": AccumulateLayout,
}


def layout_of(context: StepContext) -> Layout:
    """The layout of a step."""
    return _LAYOUTS.get(context.step.kind, PlainLayout)(context)


__all__ = ["Layout", "StepContext", "layout_of"]
