"""Where a rescale's products hold what a second shift loses: against the first shift done exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from npusim.kernels.emit.rescale import Form
from npusim.kernels.event_plan import SecondShift
from npusim.kernels.tiled.constants import RescaleConstants
from npusim.kernels.tiled.second_shift import again_marks

NONE = np.zeros((0, 0), np.uint8)
FORMS = st.sampled_from([Form.HIGH, Form.HIGH_SIGNED, Form.WIDE_SIGNED, Form.WIDE_LAST])


def _words(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@given(
    form=FORMS,
    factor=st.integers(0, (1 << 31) - 1),
    first=st.integers(1, 32),
    nudged=st.booleans(),
    lost=st.integers(0, 20),
    power=st.integers(-2, 34),
    added=st.integers(-(1 << 20), 1 << 20),
    values=st.lists(st.integers(-(1 << 20), 1 << 20), min_size=1, max_size=8),
)
def test_lost_bits_and_ties_are_those_of_the_first_shifts_result(
    form: Form, factor: int, first: int, nudged: bool, lost: int, power: int, added: int, values: list[int]
) -> None:
    constant = 1 << (first - 1) if nudged else 0
    scaled = factor << power if power >= 0 else factor >> -power
    assume(scaled < 1 << 42)
    second = SecondShift(_words(factor), _words(constant), _words(first), _words(lost))
    rescale = RescaleConstants(NONE, form, (0, -128, 127, 0), _words(scaled), _words(added))
    marks = again_marks(second, rescale)
    assume(marks is not None)
    assert marks is not None
    mask, half = (1 << lost) - 1, (1 << lost) >> 1
    for value in values:
        rest = ((value * factor + constant) >> first) & mask
        word = ((value * int(scaled) + int(marks.added[0])) >> int(marks.shift[0])) + int(
            marks.added_again[0]
        )
        bits = word & int(marks.lost[0])
        assert (bits == 0) == (rest == 0)
        assert (bits == int(marks.half[0])) == (lost > 0 and rest == half)
        if not form.is_wide:
            bits = ((value * scaled >> 32) + added) & int(marks.lost[0])
            assert (bits == int(marks.exact[0])) == (rest == 0)
            assert (bits == int(marks.tie[0])) == (lost > 0 and rest == half)


def test_gemmlowps_two_shifts_have_their_bits_in_high_halves_and_sixteen_bits_have_not() -> None:
    second = SecondShift(_words(1518500249), _words(1 << 30), _words(31), _words(7))
    high = RescaleConstants(
        NONE, Form.HIGH_SIGNED, (0, -128, 127, 0), second.factor << 2, _words(1 + (1 << 7))
    )
    marks = again_marks(second, high)
    assert marks is not None
    assert (marks.added_again[0], marks.lost[0], marks.half[0]) == (1, 0x7F << 1, 1 << 7)
    assert again_marks(second, replace(high, form=Form.HALVES)) is None
    assert again_marks(second, replace(high, scaled=second.factor)) is None  # bits below the high half
