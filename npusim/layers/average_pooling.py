"""What avg_pool2d and global_avg_pool share: how averages are lowered (W6)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.layers.base import Layer
from npusim.layers.lowering import Lowering
from npusim.steps.average_pool import AveragePoolStep


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
    ratio = lowering.real_scale(x) / lowering.real_scale(y)
    distinct = np.unique(counts)
    multipliers, shift = lowering.shared_scale([ratio / Fraction(int(count)) for count in distinct])
    fields, _ = lowering.output_fields(y)
    return AveragePoolStep(
        name=layer.name,
        inputs=(x,),
        output=y,
        x_zero=lowering.quantization[x].zero_point,
        counts=distinct,
        multipliers=np.array(multipliers, np.int64),
        fields={**fields, "shift": shift},
        **geometry,
    )
