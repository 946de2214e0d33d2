"""Run any pipeline stage by stage on whole tensors (ARITHMETIC.md A)."""

from __future__ import annotations

import numpy as np

from npusim.errors import InputError
from npusim.kernels.events import EventCounts
from npusim.kernels.interpreter import interpret
from npusim.kernels.ops import Words
from npusim.kernels.plan import Plan, compile_pipeline


def run(plan: Plan, values: Words, events: EventCounts | None = None, base_index: int = 0) -> Words:
    """Send values through all stages, in place.

    Parameters
    ----------
    plan
        From `compile_pipeline`.
    values : int64[rows, channels]
        C-contiguous and writable; they and every intermediate fit int64, which the datapath's
        derived widths prove.
    events
        Counts to add to; None: do not count. Counting never changes a value.
    base_index
        The linear index of ``values[0, 0]``: that of ``values[r, c]`` is
        ``base_index + r * channels + c``.

    Returns
    -------
    int64[rows, channels]
        `values`.

    Raises
    ------
    InputError
        If a value addresses a table where it has no entry; `values` are void then.
    """
    return _run(plan, values, range(len(plan.stages)), events, base_index)


def run_stage(
    plan: Plan, values: Words, index: int, events: EventCounts | None = None, base_index: int = 0
) -> Words:
    """Send values through stage `index` alone, in place: `run` is this for each stage in turn."""
    return _run(plan, values, range(index, index + 1), events, base_index)


def run_stages(plan: Plan, values: Words, stages: range, events: EventCounts | None = None) -> Words:
    """Send values through some neighbouring stages, in place."""
    return _run(plan, values, stages, events, 0)


_NOT_COUNTED = EventCounts(0)


def _run(plan: Plan, values: Words, stages: range, events: EventCounts | None, base_index: int) -> Words:
    if values.dtype != np.int64 or values.ndim != 2 or values.shape[1] != plan.channels:
        raise ValueError(f"values must be int64[rows, {plan.channels}], not {values.dtype}{values.shape}")
    if not (values.flags.c_contiguous and values.flags.writeable and values.flags.aligned):
        raise ValueError("values are changed in place: they must be C-contiguous, aligned and writable")
    if events is not None and events.counts.shape[0] != len(plan.stages):
        raise ValueError(f"events of {events.counts.shape[0]} stages; the plan has {len(plan.stages)}")
    counted = _NOT_COUNTED if events is None else events
    bad = interpret(
        values.reshape(-1),
        plan.ops,
        plan.stage_ops,
        stages.start,
        stages.stop,
        plan.wide,
        plan.reals,
        plan.tables,
        0 if events is None else 1,
        counted.counts,
        counted.first,
        int(base_index),
    )
    if bad:
        raise InputError(f"{bad} values address a table where it has no entry; saturate them first")
    return values


__all__ = ["EventCounts", "Plan", "compile_pipeline", "run", "run_stage", "run_stages"]
