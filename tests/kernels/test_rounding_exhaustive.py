"""Every 16-bit accumulator, every shift 0..20 and 30, every rule; generic and fused."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.kernels.events import EventCounts
from npusim.kernels.pipeline import compile_pipeline, run
from npusim.kernels.rescale import recognise, rescale
from npusim.spec.events import Event
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages import Saturate, ShiftRight
from tests.kernels.exact_shift import exact_shift

SHIFTS = (*range(21), 30)
EVERY = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)


@pytest.mark.parametrize("rule", Rounding)
def test_the_accelerator_equals_the_spec(rule: Rounding) -> None:
    # Shifts up to 8 meet every remainder of 9-bit values; the far ends meet the rest.
    values = np.unique(np.concatenate([np.arange(-256, 256), EVERY[:40], EVERY[-40:], EVERY[::997]]))
    for shift in SHIFTS:
        spec = [shift_right(int(value), shift, rule)[0] for value in values]
        np.testing.assert_array_equal(exact_shift(values, shift, rule), spec)


@pytest.mark.parametrize("rule", Rounding)
def test_every_accumulator(rule: Rounding) -> None:
    stages = [ShiftRight(by=("n",), rounding=rule), Saturate(to=16)]
    plan = compile_pipeline(stages, {"n": np.array(SHIFTS)}, len(SHIFTS))
    assert recognise(plan) is not None
    accumulators = np.repeat(EVERY[:, np.newaxis], len(SHIFTS), axis=1)
    expected = np.stack([exact_shift(EVERY, shift, rule) for shift in SHIFTS], axis=1)
    events = EventCounts(2)
    np.testing.assert_array_equal(run(plan, accumulators.copy(), events), expected)
    for dtype in (np.int32, np.int64):
        codes = rescale(plan, accumulators.astype(dtype), np.int16, bits=16)
        np.testing.assert_array_equal(codes, expected)
    inexact = sum(int((EVERY % (1 << shift) != 0).sum()) for shift in SHIFTS)
    ties = sum(int((EVERY % (1 << shift) == 1 << (shift - 1)).sum()) for shift in SHIFTS if shift)
    assert (events.count(0, Event.ROUNDED), events.count(0, Event.TIE)) == (inexact, ties)
