"""Binary formats: encoding, decoding and rounding against numpy's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from npusim.spec.floats import BINARY32, BINARY64, FloatFormat
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Float64
from tests.exact import round_fraction
from tests.strategies import roundings

finite = st.floats(0, allow_nan=False, allow_infinity=False)


@given(value=finite)
@example(0.0)
@example(5e-324)
@example(2.2250738585072014e-308)
@example(1.7976931348623157e308)
def test_a_float64_is_its_own_nearest(value: float) -> None:
    pattern = int(np.array([value]).view(np.int64)[0])
    assert BINARY64.encode(Fraction(value)) == pattern
    significand, exponent = BINARY64.decode(pattern)
    assert significand * Fraction(2) ** exponent == Fraction(value)


@given(value=st.floats(0, 3.4e38))
@example(2.0**-150)
@example(2.0**-149 * 1.5)
@example(1 + 2.0**-24)
@example(1 + 3 * 2.0**-24)
@example(2 - 2.0**-25)
@example(2.0**-126 * (1 - 2.0**-25))
def test_a_float32_is_the_nearest(value: float) -> None:
    with np.errstate(under="ignore"):
        pattern = int(np.array([value]).astype(np.float32).view(np.uint32)[0])
    assert BINARY32.encode(Fraction(value)) == pattern


@pytest.mark.parametrize(
    ("form", "greatest"), [(BINARY32, 3.4028234663852886e38), (BINARY64, 1.7976931348623157e308)]
)
def test_beyond_the_greatest_number(form: FloatFormat, greatest: float) -> None:
    unit = Fraction(greatest) / (2**form.significand_bits - 1)
    assert form.encode(Fraction(greatest) + unit * Fraction(49, 100)) == form.encode(Fraction(greatest))
    with pytest.raises(OverflowError, match="greatest float"):
        form.encode(Fraction(greatest) + unit / 2)


@given(
    value=st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000),
    scale=st.floats(0, 2.0**40) | st.sampled_from([0.5, 0.25, 2.0**-60, 5e-324]),
    rule=roundings,
    bits=st.integers(2, 64),
)
@example(2**53 + 1, 0.5, Rounding.HALF_AWAY, 64)
def test_float64_stage_is_numpys_product(value: int, scale: float, rule: Rounding, bits: int) -> None:
    stage = Float64(scale="scale", rounding=rule, to=bits)
    result, _ = stage.exact(value, {"scale": int(np.array([scale]).view(np.int64)[0])})
    exact = round_fraction(Fraction(float(value) * scale), rule)
    assert result == min(max(exact, -(1 << (bits - 1))), (1 << (bits - 1)) - 1)
    assert result in stage.exact_reach(Interval(value, value), {})
