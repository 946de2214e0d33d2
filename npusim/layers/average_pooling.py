"""What averages and sums share: how they are lowered (W6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.lowering import Lowering
from npusim.steps.average_pool import AveragePoolStep, averages_codes


def lower_average(
    layer: Layer, lowering: Lowering, counts: npt.NDArray[np.int64], **geometry: Any
) -> AveragePoolStep:
    """The step of a layer that averages.

    Parameters
    ----------
    counts
        What the sums of its windows are divided by, in any order.
    geometry
        The step's windows.
    """
    (x,), (y,) = layer.inputs, layer.outputs
    distinct = np.unique(counts)
    shares = [Fraction(1, int(count)) for count in distinct]
    return average_step(layer, lowering, distinct, shares, name=layer.name, inputs=(x,), output=y, **geometry)


def average_step(
    layer: Layer,
    lowering: Lowering,
    counts: npt.NDArray[np.int64],
    shares: Sequence[Fraction],
    **content: Any,
) -> AveragePoolStep:
    """A step that multiplies its windows' sums.

    Parameters
    ----------
    counts
        The window sizes that occur, ascending.
    shares
        For each of them what a sum is multiplied by, in real units.
    content
        The step's name, tensors and windows.
    """
    (x,), (y,) = layer.inputs, layer.outputs
    if averages_codes(lowering.datapath):
        return _divided(layer, lowering, counts, shares, content)
    ratio = lowering.ratio([lowering.real_scale(x)], lowering.real_scale(y))
    multipliers, shift = lowering.shared_scale([ratio * share for share in shares])
    fields, _ = lowering.output_fields(y)
    return AveragePoolStep(
        x_zero=lowering.quantization[x].zero_point,
        counts=counts,
        multipliers=np.array(multipliers, np.int64),
        fields={**fields, "shift": shift},
        **content,
    )


def _divided(
    layer: Layer,
    lowering: Lowering,
    counts: npt.NDArray[np.int64],
    shares: Sequence[Fraction],
    content: Mapping[str, Any],
) -> AveragePoolStep:
    """Codes averaged as they are, for datapaths that divide by the window's size and nothing else."""
    (x,), (y,) = layer.inputs, layer.outputs
    averages = all(share == Fraction(1, int(count)) for share, count in zip(shares, counts, strict=True))
    if not averages or lowering.quantization[x] != lowering.quantization[y]:
        raise InputError(
            f"{lowering.datapath.name} averages codes: input and output need one scale and zero point",
            key=layer.name,
            found=f"{lowering.quantization[x]} and {lowering.quantization[y]}",
        )
    fields, _ = lowering.output_fields(y)
    bounds = {name: value for name, value in fields.items() if name != "y_zero"}
    return AveragePoolStep(x_zero=0, counts=counts, fields=bounds, **content)
