"""Rescales in binary64 as integer ones that give and cause the same for every sum: their events are told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.kernels.members import flagged
from npusim.kernels.plan import Plan, PlanFields, compile_pipeline
from npusim.spec.stages import BaseStage, Float64, Multiply, ShiftRight
from npusim.spec.stages.base import field_name

_MOST = 1 << 21
"""Magnitudes of sums up to which all of them are tried."""

_FACTOR_BITS = 31


def integer_plan(stages: Sequence[BaseStage], fields: PlanFields, channels: int, reach: int) -> Plan | None:
    """A pipeline that multiplies and shifts where another begins with a product in binary64.

    None if there is no such product, channels differ, or any sum has another result or other events: those
    of the product are the shift's.

    Parameters
    ----------
    reach
        The greatest magnitude of a sum.
    """
    first, *rest = stages
    if not isinstance(first, Float64) or reach > _MOST:
        return None
    real = compile_pipeline(stages, fields, channels)
    sums = np.arange(-reach, reach + 1)
    expected = flagged(real, sums)
    name = field_name(first.scale)
    bits = np.ravel(fields[name] if name is not None else first.scale)[:1]
    fraction, exponent = np.frexp(bits.astype(np.int64).view(np.float64)[0])
    factor, shift = round(float(fraction) * (1 << _FACTOR_BITS)), _FACTOR_BITS - int(exponent)
    if expected is None or not 0 < factor < 1 << _FACTOR_BITS or shift < 0:
        return None
    product = Multiply(by=factor), ShiftRight(by=(shift,), rounding=first.rounding)
    whole = compile_pipeline([*product, *rest], fields, channels)
    found = flagged(whole, sums)
    if found is None or found[1][0].any():
        return None
    same = np.array_equal(found[0], expected[0]) and np.array_equal(found[1][1:], expected[1])
    return whole if same else None
