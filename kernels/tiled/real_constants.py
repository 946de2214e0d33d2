"""A binary64 rescale's constants as `emit.rescale` reads them, and the proof that it may.

The list of TFLite's reference fully connected layers: a product in binary64, rounded to the nearest integer
with ties away from zero, a zero point, a clamp.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.kernels.common_list import rule_of
from npusim.kernels.emit.registers import COUNT, VECTOR
from npusim.kernels.emit.rescale import CONSTANT_ROWS, FIRST, START, Form
from npusim.kernels.ops import CODE, COLUMN, FIRST_PARAMETER, Op, Words
from npusim.kernels.plan import Plan
from npusim.kernels.tiled.constants import MOST_ZERO, RescaleConstants
from npusim.kernels.tiled.weights import aligned
from npusim.spec.rounding import Rounding

_LIST = (Op.FLOAT64, Op.ADD, Op.CLAMP)
_ROOM = (1 << 31) - 1


def real_constants(
    plan: Plan, reach: int, order: npt.NDArray[np.int64], start: Words, codes: np.dtype[np.generic]
) -> RescaleConstants | None:
    """The constants for a plan; None if it is another list, or a product may leave int32.

    Parameters as for `rescale_constants`. A zero point and bounds must be one for all channels; a register
    behind the product must hold what products there are.
    """
    if tuple(int(op[CODE]) for op in plan.ops) != _LIST or codes.itemsize != 1 or reach > _ROOM:
        return None
    real, add, clamp = plan.ops
    rule, least, greatest = (int(each) for each in real[FIRST_PARAMETER : FIRST_PARAMETER + 3])
    scale = plan.columns[real[COLUMN]].view(np.float64)
    zero, (low, high) = plan.columns[add[COLUMN]], plan.columns[clamp[COLUMN] : clamp[COLUMN] + 2]
    limits = np.iinfo(codes.type)  # type: ignore[type-var]
    if rule_of(rule) is not Rounding.HALF_AWAY or np.ptp(zero) or np.ptp(low) or np.ptp(high):
        return None
    flip = 128 if limits.min == 0 else 0
    left = int(zero[0]) - flip
    if abs(left) > MOST_ZERO or not limits.min <= low[0] <= high[0] <= limits.max:
        return None
    # One more than the greatest product, for its rounding.
    most = float(scale.max(initial=0.0)) * reach + 1
    if not (scale.min(initial=0.0) >= 0 and most <= min(-least, greatest, _ROOM)):
        return None
    lanes = order.reshape(-1, COUNT)
    rows = np.zeros((lanes.shape[0], CONSTANT_ROWS, VECTOR // 8), np.int64)
    laid = scale[lanes].view(np.int64)
    rows[:, FIRST], rows[:, FIRST + 1] = laid[:, : COUNT // 2], laid[:, COUNT // 2 :]
    rows[:, START] = start[lanes].astype(np.int32).view(np.int64)
    ends = left, int(low[0]) - flip, int(high[0]) - flip, flip
    return RescaleConstants(
        aligned(rows.view(np.uint8)), Form.REAL, ends, np.zeros(0, np.int64), np.zeros(0, np.int64)
    )
