"""Which vector files a step has: one layout a kind of step; the plain one for all others."""

from __future__ import annotations

from collections.abc import Callable

from npusim.vectors.layouts.accumulate import AccumulateLayout
from npusim.vectors.layouts.base import Layout, StepContext
from npusim.vectors.layouts.concat import ConcatLayout
from npusim.vectors.layouts.copy import CopyLayout
from npusim.vectors.layouts.elementwise import ElementwiseLayout
from npusim.vectors.layouts.extreme import ExtremeLayout
from npusim.vectors.layouts.mac import MacLayout
from npusim.vectors.layouts.matmul import MatmulLayout
from npusim.vectors.layouts.plain import PlainLayout
from npusim.vectors.layouts.plain_fields import ClampLayout, DigitLayout
from npusim.vectors.layouts.pool import AveragePoolLayout, MaxPoolLayout
from npusim.vectors.layouts.recode import RecodeLayout
from npusim.vectors.layouts.resize import ResizeBilinearLayout
from npusim.vectors.walk import walk_of

_ELEMENTWISE = (
    *("add", "sub", "mul", "table", "rescale", "sum_orders"),
    *("rescale_words", "add_words", "sub_words", "mul_words", "interpolate_words"),
)
_LAYOUTS: dict[str, Callable[[StepContext], Layout]] = {
    "mac": MacLayout,
    "accumulate": AccumulateLayout,
    "matmul": MatmulLayout,
    "average_pool": AveragePoolLayout,
    "max_pool": MaxPoolLayout,
    "concat": ConcatLayout,
    "minimum": ExtremeLayout,
    "maximum": ExtremeLayout,
    "recode": RecodeLayout,
    "clamp": ClampLayout,
    "digit": DigitLayout,
    "resize_bilinear": ResizeBilinearLayout,
    **dict.fromkeys(_ELEMENTWISE, ElementwiseLayout),
}


def layout_of(context: StepContext) -> Layout:
    """The layout of a step."""
    kind = context.step.kind
    if kind not in _LAYOUTS and len(context.inputs) == 1:
        walk = walk_of(context.step, context.inputs[0].shape)
        if walk is not None:
            return CopyLayout(context, walk)
    return _LAYOUTS.get(kind, PlainLayout)(context)


__all__ = ["Layout", "StepContext", "layout_of"]
