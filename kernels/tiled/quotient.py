"""Pipelines that divide as pipelines that multiply and shift, for the values that occur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npusim.kernels.pipeline import run
from npusim.kernels.plan import Plan, PlanFields, compile_pipeline
from npusim.spec.stages import BaseStage, Divide, Multiply, ShiftRight
from npusim.spec.stages.base import field_name

_MOST = 1 << 20
"""Magnitudes of values up to which all of them are tried."""

_FACTOR_BITS = 31


def product_plan(stages: Sequence[BaseStage], fields: PlanFields, channels: int, reach: int) -> Plan:
    """The pipeline, or one that multiplies where it divides and gives the same for every value.

    Parameters
    ----------
    reach
        The greatest magnitude of a value.
    """
    plan = compile_pipeline(stages, fields, channels)
    first, *rest = stages
    if not isinstance(first, Divide) or reach > _MOST or np.any(np.ptp(plan.columns, axis=1)):
        return plan
    name = field_name(first.by)
    divisor = int(np.ravel(fields[name] if name is not None else first.by)[0])
    shift = _FACTOR_BITS + divisor.bit_length() - 2
    factor = -(-(1 << shift) // divisor)
    product = (Multiply(by=factor), ShiftRight(by=(shift,), rounding=first.rounding))
    other = compile_pipeline([*product, *rest], fields, channels)
    alone = (
        [compile_pipeline(each, fields, 1) for each in (stages, [*product, *rest])] if channels > 1 else []
    )
    one, two = alone or (plan, other)
    values = np.arange(-reach, reach + 1).reshape(-1, 1)
    same = np.array_equal(run(one, values.copy()), run(two, values.copy()))
    return other if same else plan
