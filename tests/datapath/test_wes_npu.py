"""The preset wes_npu against the formulas of its data sheet (ARITHMETIC.md B), in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from npusim.datapath import load_datapath
from npusim.datapath.checks import derive_pipeline
from npusim.datapath.operations import PipelineRole
from npusim.spec.convolution import ZeroPoint
from npusim.spec.elementwise import Combination, combine
from npusim.spec.interval import Interval
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.pipeline import run
from npusim.spec.resampling import blend
from npusim.spec.stages import BaseStage
from npusim.spec.width import Overflow, Width
from tests.exact import median
from tests.strategies import values_in

WES = load_datapath("wes_npu")

codes = values_in(Interval(-128, 127))
multipliers = values_in(Interval(0, 2**16 - 1))
shifts = values_in(Interval(0, 63))
accumulators = values_in(Interval(-(2**31), 2**31 - 1)) | st.integers(-(2**18), 2**18)
bounds = st.tuples(codes, codes).map(sorted)


def stages(operation: str, role: PipelineRole = PipelineRole.RESULT) -> tuple[BaseStage, ...]:
    found = WES.pipelines[operation].stages(role)
    assert found is not None
    return found


def code(value: Fraction, y_zero: int, clip: list[int]) -> int:
    """``clamp(half_up(value) + y_zero)``."""
    return median(clip[0], floor(value + Fraction(1, 2)) + y_zero, clip[1])


def rescale(multiplier: int, shift: int, y_zero: int, clip: list[int]) -> dict[str, int]:
    return {"multiplier": multiplier, "shift": shift, "y_zero": y_zero, "low": clip[0], "high": clip[1]}


def test_w1_w2_w3_codes_and_column() -> None:
    assert WES.activation.interval == Interval(-128, 127)
    assert WES.weight.interval == Interval(-127, 127)
    assert (WES.mac.zero_point, WES.mac.lanes) == (ZeroPoint.FOLDED, 16)
    assert WES.mac.column == Column(Width(32), Overflow.SATURATE, BiasPlace.PRELOAD)
    assert WES.inverse_shift_max == 15


@given(accumulators, multipliers, shifts, st.integers(0, 15), codes, bounds)
def test_w4_rescale(acc: int, m: int, shift: int, inverse: int, y_zero: int, clip: list[int]) -> None:
    fields = {**rescale(m, shift, y_zero, clip), "inverse_shift": inverse}
    expected = code(Fraction(acc * m, 2 ** (shift + inverse)), y_zero, clip)
    assert run(stages("mac"), acc, fields).result == expected


def test_w4_a_total_shift_of_50_or_more_gives_zero() -> None:
    extremes = (-(2**31), 2**31 - 1)
    results = {
        run(stages("mac"), acc, {**rescale(65535, 40, 0, [-128, 127]), "inverse_shift": inverse}).result
        for acc in extremes
        for inverse in range(10, 16)
    }
    assert results == {0}
    product = next(derive_pipeline(WES, "mac", PipelineRole.RESULT))
    assert product.stage.bits == 49


pairs = st.tuples(codes, codes)


@given(pairs, pairs, st.tuples(multipliers, multipliers), shifts, codes, bounds)
def test_w5_addition_and_subtraction(
    x: tuple[int, int], zeros: tuple[int, int], ms: tuple[int, int], n: int, y_zero: int, clip: list[int]
) -> None:
    fields = tuple({"x_zero": zero, "multiplier": m} for zero, m in zip(zeros, ms, strict=True))
    a, b = ((value - zero) * m for value, zero, m in zip(x, zeros, ms, strict=True))
    for operation, combination, exact in (
        ("add", Combination.SUM, a + b),
        ("sub", Combination.DIFFERENCE, a - b),
    ):
        operand = stages(operation, PipelineRole.OPERAND)
        rescaled = rescale(0, n, y_zero, clip)
        found = combine(combination, x, operand, (fields[0], fields[1]), stages(operation), rescaled)
        assert found.result.result == code(Fraction(exact, 2**n), y_zero, clip)


@given(pairs, pairs, multipliers, shifts, codes, bounds)
def test_w5_multiplication(
    x: tuple[int, int], zeros: tuple[int, int], m: int, n: int, y_zero: int, clip: list[int]
) -> None:
    operand, fields = stages("mul", PipelineRole.OPERAND), ({"x_zero": zeros[0]}, {"x_zero": zeros[1]})
    found = combine(Combination.PRODUCT, x, operand, fields, stages("mul"), rescale(m, n, y_zero, clip))
    exact = (x[0] - zeros[0]) * (x[1] - zeros[1]) * m
    assert found.result.result == code(Fraction(exact, 2**n), y_zero, clip)


@given(st.integers(-(2**18), 2**18), multipliers, shifts, codes, bounds)
def test_w6_average_pool(total: int, m: int, n: int, y_zero: int, clip: list[int]) -> None:
    found = run(stages("average_pool"), total, rescale(m, n, y_zero, clip)).result
    assert found == code(Fraction(total * m, 2**n), y_zero, clip)


@given(codes, codes, multipliers, shifts, codes, bounds)
def test_w7_concat(x: int, x_zero: int, m: int, n: int, y_zero: int, clip: list[int]) -> None:
    fields = {"x_zero": x_zero, **rescale(m, n, y_zero, clip)}
    found = run(stages("concat", PipelineRole.OPERAND), x, fields).result
    assert found == code(Fraction((x - x_zero) * m, 2**n), y_zero, clip)


weights = st.integers(0, 2047)


@given(st.tuples(codes, codes, codes, codes), weights, weights, bounds)
def test_w7_bilinear_resize(x: tuple[int, int, int, int], row: int, column: int, clip: list[int]) -> None:
    assert WES.fields["resize_weight"].bits == 11
    found = run(stages("resize"), blend(x, row, column, 11), {"low": clip[0], "high": clip[1]}).result
    r, c = Fraction(row, 2048), Fraction(column, 2048)
    exact = (1 - r) * ((1 - c) * x[0] + c * x[1]) + r * ((1 - c) * x[2] + c * x[3])
    assert found == code(exact, 0, clip)


@given(st.lists(pairs, min_size=1, max_size=40), pairs, multipliers, shifts, codes, bounds)
def test_matmul_takes_off_both_zero_points(
    x: list[tuple[int, int]], zeros: tuple[int, int], m: int, n: int, y_zero: int, clip: list[int]
) -> None:
    operand = stages("matmul", PipelineRole.OPERAND)
    products = [
        [run(operand, v, {"x_zero": z}).result for v, z in zip(pair, zeros, strict=True)] for pair in x
    ]
    total = sum(a * b for a, b in products)
    assert total == sum((a - zeros[0]) * (b - zeros[1]) for a, b in x)
    found = run(stages("matmul"), total, rescale(m, n, y_zero, clip)).result
    assert found == code(Fraction(total * m, 2**n), y_zero, clip)


@given(codes, st.lists(codes, min_size=256, max_size=256))
def test_w8_table(x: int, entries: list[int]) -> None:
    assert run(stages("table"), x, {"table": entries}).result == entries[x + 128]
