"""The TOSA harness against exact arithmetic on Python integers.

What is tested is the harness (layouts, attributes, types, order of answers), not npusim: were the harness
wrong, comparisons with it would prove nothing.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.oracles.tosa import (
    VARIABLE,
    AddCase,
    AvgPoolCase,
    Case,
    Conv2dCase,
    DepthwiseCase,
    IntArray,
    MaxPoolCase,
    MultiplierWidth,
    Out,
    OutsideTosaError,
    Rescale,
    RescaleCase,
    Rounding,
    Status,
    Window,
    lifted,
    require_tosa,
    run_cases,
    run_outcomes,
)
from tests.oracles.tosa_exact import (
    exact_avg_pool,
    exact_conv2d,
    exact_depthwise,
    exact_max_pool,
    exact_rescale,
)

WINDOWS = [
    Window(),
    Window(pad=(1, 1, 1, 1)),
    Window(stride=(2, 3), pad=(0, 2, 1, 0)),
    Window(stride=(3, 2), dilation=(2, 1), pad=(2, 1, 1, 2)),
    Window(dilation=(1, 2), pad=(0, 0, 2, 2)),
]


def random_codes(rng: np.random.Generator, dtype: type[np.signedinteger], *shape: int) -> IntArray:
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def random_scale(
    rng: np.random.Generator, channels: int, rounding: Rounding, out: Out, out_zero: int
) -> Rescale:
    """Factors that bring sums of about 2^20 to about 2^6, each channel its own, any int32 in range."""
    multiplier = rng.integers(2**29, 2**31, channels)
    shift = rng.integers(42, 46, channels)
    return Rescale(multiplier, shift, out_zero=out_zero, out=out, rounding=rounding)


def awkward_scalars(rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """Give 400 multipliers and shifts, and 16 values for each: extremes, zeros, ties, random ones."""
    shift = np.concatenate([np.arange(2, 63), rng.integers(2, 63, 339)])
    multiplier = rng.integers(0, 2**31, 400)
    multiplier[200:] = 2 ** rng.integers(0, 31, 200)
    multiplier[:4] = [0, 1, 2**31 - 1, 2**30]
    high = np.minimum(2 ** (shift - 1), 2**31) - 1
    low = -high - 1
    ties = np.clip(
        (2 * rng.integers(-4, 4, (4, 400)) + 1) * (2 ** (shift - 1) // multiplier.clip(1)), low, high
    )
    fixed = [low, low + 1, high - 1, high, 0 * high, 0 * high + 1, 0 * high - 1]
    values = np.concatenate([np.array(fixed), ties, rng.integers(low, high + 1, (5, 400))])
    return multiplier, shift, values.astype(np.int32)


def assert_same(found: list[IntArray], expected: list[IntArray]) -> None:
    for index, (output, wanted) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_array_equal(output, wanted, err_msg=f"case {index}")


@pytest.mark.parametrize("rounding", Rounding)
def test_rescale_of_scalars(rounding: Rounding) -> None:
    multiplier, shift, values = awkward_scalars(np.random.default_rng(1))
    products = values.astype(np.int64) * multiplier
    tie = (products & (2**shift - 1)) == 2 ** (shift - 1)
    assert (tie & (products < 0)).sum() > 50
    assert (tie & (products > 0)).sum() > 50
    scale = Rescale(multiplier, shift, out=Out.INT32, rounding=rounding)
    assert_same(run_cases([RescaleCase(values, scale)]), [exact_rescale(values, scale)])


def test_the_two_roundings_differ_on_the_stimulus() -> None:
    multiplier, shift, values = awkward_scalars(np.random.default_rng(1))
    cases = [RescaleCase(values, Rescale(multiplier, shift, out=Out.INT32, rounding=r)) for r in Rounding]
    single, double = run_cases(cases)
    assert (single != double).sum() > 100


@pytest.mark.parametrize(
    ("out", "out_zero", "dtype"),
    [
        (Out.INT8, 0, np.int8),
        (Out.INT8, -128, np.int8),
        (Out.INT8, 127, np.int8),
        (Out.UINT8, 0, np.uint8),
        (Out.UINT8, 131, np.uint8),
        (Out.UINT8, 255, np.uint8),
        (Out.INT16, 0, np.int16),
        (Out.INT32, 0, np.int32),
    ],
)
def test_rescale_output_types(out: Out, out_zero: int, dtype: type) -> None:
    x = np.arange(-700, 700, dtype=np.int32).reshape(1, 200, 7) * 1001
    scale = Rescale(np.array([2**30 + 12345]), np.array([42]), out_zero=out_zero, out=out)
    found = run_cases([RescaleCase(x, scale)])
    assert found[0].dtype == dtype
    assert_same(found, [exact_rescale(x, scale)])


def test_rescale_of_int8_codes_with_zero_points() -> None:
    x = np.arange(-128, 128).astype(np.int8)
    scale = Rescale(np.array([3 * 2**28]), np.array([29]), out_zero=-17, in_zero=-128)
    assert_same(run_cases([RescaleCase(x, scale)]), [exact_rescale(x, scale)])


def test_rescale_of_48_bit_sums() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(-(2**47), 2**47, (50, 9))
    x[0], x[1], x[2] = -(2**47), 2**47 - 1, 0
    multiplier = rng.integers(2**14, 2**15, 9)
    scale = Rescale(multiplier, rng.integers(48, 54, 9), out=Out.INT16, width=MultiplierWidth.BITS16)
    assert_same(run_cases([RescaleCase(x, scale)]), [exact_rescale(x, scale)])


def test_lifted_factors_give_the_unlifted_results() -> None:
    rng = np.random.default_rng(3)
    shift = np.repeat(np.arange(17, 63), 8)
    multiplier = rng.integers(2**15, 2**16, shift.size)
    multiplier[::8], multiplier[1::8] = 2**15, 2**16 - 1
    x = rng.integers(-(2**31), 2**31, (12, shift.size)).astype(np.int32)
    x[0], x[1] = -(2**31), 2**31 - 1
    x[2:6] = np.clip((2 * rng.integers(-4, 4, (4, shift.size)) + 1) * 2 ** (shift - 16), -(2**31), 2**31 - 1)
    found = run_cases([RescaleCase(x, Rescale(*lifted(multiplier, shift)))])
    assert_same(found, [exact_rescale(x, Rescale(multiplier, shift))])


def test_lifted_reaches_shifts_below_two() -> None:
    x = np.arange(-40, 40, dtype=np.int32).reshape(-1, 1) + np.zeros(3, np.int32)
    multiplier, shift = np.array([1, 1, 3]), np.array([0, 1, 1])
    found = run_cases([RescaleCase(x, Rescale(*lifted(multiplier, shift)))])
    assert_same(found, [exact_rescale(x, Rescale(multiplier, shift))])


@pytest.mark.parametrize(("multiplier", "shift"), [(2**31, 20), (1, 63)])
def test_lifted_refuses_what_tosa_cannot_hold(multiplier: int, shift: int) -> None:
    with pytest.raises(ValueError, match="TOSA has"):
        lifted(np.array([multiplier]), np.array([shift]))


def random_conv2d(
    rng: np.random.Generator, window: Window, kernel: tuple[int, int], x_zero: int
) -> Conv2dCase:
    ci, co = (int(v) for v in rng.integers(1, 6, 2))
    x = random_codes(rng, np.int8, 2, *(int(v) for v in rng.integers(5, 9, 2)), ci)
    weights = random_codes(rng, np.int8, co, *kernel, ci)
    return Conv2dCase(x, weights, rng.integers(-(2**18), 2**18, co), x_zero, window)


def test_conv2d_sums() -> None:
    rng = np.random.default_rng(4)
    grid = product(WINDOWS, [(1, 1), (3, 2), (3, 3)], [-128, 0, 19, 127])
    cases = [random_conv2d(rng, window, kernel, x_zero) for window, kernel, x_zero in grid]
    assert_same(run_cases(cases), [exact_conv2d(case) for case in cases])


@pytest.mark.parametrize("rounding", Rounding)
def test_conv2d_then_rescale(rounding: Rounding) -> None:
    rng = np.random.default_rng(5)
    cases: list[Case] = []
    expected = []
    for window, (out, out_zero) in product(WINDOWS, [(Out.INT8, -9), (Out.UINT8, 140), (Out.INT16, 0)]):
        plain = random_conv2d(rng, window, (3, 3), 7)
        scale = random_scale(rng, len(plain.bias), rounding, out, out_zero)
        cases.append(Conv2dCase(plain.x, plain.weights, plain.bias, 7, window, scale))
        expected.append(exact_rescale(exact_conv2d(plain), scale))
    assert_same(run_cases(cases), expected)


def test_depthwise_sums_and_rescale() -> None:
    rng = np.random.default_rng(6)
    cases: list[Case] = []
    expected = []
    for window, count in product(WINDOWS, [1, 2, 3]):
        x, weights = random_codes(rng, np.int8, 2, 7, 6, 3), random_codes(rng, np.int8, 3, 2, 3, count)
        plain = DepthwiseCase(x, weights, rng.integers(-(2**18), 2**18, 3 * count), -5, window)
        scale = random_scale(rng, 3 * count, Rounding.SINGLE, Out.INT8, 3)
        cases += [plain, DepthwiseCase(x, weights, plain.bias, -5, window, scale)]
        sums = exact_depthwise(plain)
        expected += [sums, exact_rescale(sums, scale)]
    assert_same(run_cases(cases), expected)


def test_int16_conv2d_has_48_bit_sums() -> None:
    rng = np.random.default_rng(7)
    x, weights = random_codes(rng, np.int16, 1, 5, 5, 4), random_codes(rng, np.int8, 3, 3, 3, 4)
    bias = np.array([2**45, -(2**45), 12345])
    scale = Rescale(
        np.array([30000, 20000, 2**15 - 1]),
        np.array([46, 47, 26]),
        out=Out.INT16,
        width=MultiplierWidth.BITS16,
    )
    plain = Conv2dCase(x, weights, bias)
    found = run_cases([Conv2dCase(x, weights, bias, rescale=scale)])
    assert_same(found, [exact_rescale(exact_conv2d(plain), scale)])


def test_pools() -> None:
    rng = np.random.default_rng(8)
    cases: list[Case] = []
    expected = []
    for window, kernel in product(WINDOWS[:3], [(3, 3), (4, 2)]):
        narrow, wide = random_codes(rng, np.int8, 2, 7, 8, 3), random_codes(rng, np.int16, 2, 7, 8, 3)
        averages = [AvgPoolCase(narrow, kernel, window, -7, 12), AvgPoolCase(wide, kernel, window)]
        maxima = [MaxPoolCase(narrow, kernel, window), MaxPoolCase(wide, kernel, window)]
        cases += [*averages, *maxima]
        expected += [exact_avg_pool(case) for case in averages] + [exact_max_pool(case) for case in maxima]
    assert_same(run_cases(cases), expected)


def test_add() -> None:
    rng = np.random.default_rng(9)
    a, b = (rng.integers(-(2**30), 2**30, (3, 4)).astype(np.int32) for _ in range(2))
    assert_same(run_cases([AddCase(a, b)]), [a + b])


def one_value(value: int, multiplier: int, shift: int, **fields: object) -> RescaleCase:
    scale = Rescale(np.array([multiplier]), np.array([shift]), **fields)  # type: ignore[arg-type]
    return RescaleCase(np.array([value], np.int32), scale)


def test_verdicts_on_what_tosa_does_not_define() -> None:
    full = np.full((1, 3, 3, 1), -128, np.int8)
    cases: list[Case] = [
        one_value(0, 1, 1),
        one_value(0, 1, 63),
        one_value(2, 1, 2),
        one_value(1, 1, 2),
        one_value(0, 1, 9, out=Out.INT16, out_zero=1),
        one_value(0, 1, 9, out_zero=128),
        MaxPoolCase(full, (2, 2), Window(pad=(2, 0, 0, 0))),
        Conv2dCase(full, full, np.array([2**31 - 9 * 2**14])),
        Conv2dCase(full, full, np.array([2**31 - 1 - 9 * 2**14])),
        AddCase(np.array([2**31 - 1], np.int32), np.array([1], np.int32)),
    ]
    verdicts = run_outcomes(cases)
    unpredictable, error, valid = Status.UNPREDICTABLE, Status.ERROR, Status.VALID
    expected = [unpredictable] * 3 + [valid] + [error] * 3 + [unpredictable, valid, unpredictable]
    assert [verdict.status for verdict in verdicts] == expected
    assert [verdict.output is None for verdict in verdicts] == [status is not valid for status in expected]
    assert "shift value should stay within [2, 62] but is 63" in verdicts[1].message
    assert "value should stay within [-2, 1] but is 2" in verdicts[2].message
    assert "zero point not 0" in verdicts[4].message
    assert "pad is >= kernel" in verdicts[6].message
    assert "overflow" in verdicts[9].message


def test_run_cases_names_the_undefined_case() -> None:
    with pytest.raises(OutsideTosaError, match=r"case 1: UNPREDICTABLE: (?s:.*) but is 63"):
        run_cases([one_value(0, 1, 2), one_value(0, 1, 63)])


def test_without_an_interpreter_tests_skip_but_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match=VARIABLE):
        require_tosa()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=VARIABLE):
        require_tosa()


def test_a_wrong_interpreter_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    with pytest.raises(pytest.fail.Exception, match="/nowhere/python is not an executable"):
        require_tosa()
