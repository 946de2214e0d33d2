"""The three ways to accumulate against the spec and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.kernels.geometry import Geometry
from npusim.kernels.mac import accumulate_fast, accumulate_ordered, accumulate_wrapped
from npusim.kernels.ordered_narrow import narrowest
from npusim.kernels.ordered_parts import SATURATE
from npusim.kernels.packed import Nest, pack
from npusim.kernels.statistics import AccumulatorStatistics
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width
from tests.kernels.reference import accumulations
from tests.kernels.strategies_kernels import CODE_TYPES, Convolution, convolutions
from tests.strategies import columns

EXACT = Column(Width(64), Overflow.WRAP)


@given(convolutions())
def test_fast_equals_the_spec(case: Convolution) -> None:
    exact = np.array([made.exact for made in accumulations(case, EXACT, 4)]).reshape(
        -1, case.weights.shape[0]
    )
    sums = accumulate_fast(case.x, case.packed, case.bias, case.geometry, word=np.int64)
    np.testing.assert_array_equal(sums, exact)
    modulo = accumulate_fast(case.x, case.packed, case.bias, case.geometry, word=np.int32)
    np.testing.assert_array_equal(modulo, exact.astype(np.int32))


@given(convolutions(), columns(max_bits=20) | columns(max_bits=64), st.integers(1, 9))
def test_ordered_equals_the_spec(case: Convolution, column: Column, lanes: int) -> None:
    _check_ordered(case, column, lanes)


@pytest.mark.parametrize("tree", [None, Width(9)])
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize(
    ("nest", "pixels", "outputs"),
    [
        (Nest.CONV2D, 1100, 1),
        (Nest.CONV2D, 1, 1100),
        (Nest.DEPTHWISE, 1, 1100),
        (Nest.DEPTHWISE, 27, 40),  # several rows a block, a row alone at the end
        (Nest.CONV2D, 1024, 1),
    ],
)
def test_ordered_outputs_beyond_a_block(
    nest: Nest, pixels: int, outputs: int, overflow: Overflow, tree: Width | None
) -> None:
    random, depthwise = np.random.default_rng(pixels + outputs), nest is Nest.DEPTHWISE
    x = random.integers(-128, 128, (pixels + 1, 1, outputs if depthwise else 2)).astype(np.int8)
    weights = random.integers(-8, 8, (outputs, 2, 1, 1 if depthwise else 2)).astype(np.int8)
    bias = random.integers(-900, 900, outputs)
    groups = outputs if depthwise else 1
    case = Convolution(x, weights, bias, Geometry((2, 1), (pixels, 1)), nest, groups, 3, 0, 3)
    for place, lanes in zip(BiasPlace, (1, 2), strict=True):
        _check_ordered(case, Column(Width(11), overflow, place, tree, overflow), lanes)


@pytest.mark.parametrize("bits", [28, 34, 40])
@pytest.mark.parametrize("tree", [None, Width(31)])
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("nest", Nest)
def test_ordered_in_words_of_64_bits(nest: Nest, overflow: Overflow, tree: Width | None, bits: int) -> None:
    """int16 by int16: sums leave 32 bits; registers on either side of them."""
    random, depthwise = np.random.default_rng(bits), nest is Nest.DEPTHWISE
    x = random.choice([-32768, 32767, 77], (5, 2, 6)).astype(np.int16)
    weights = random.choice([-32768, 32767, -5], (6, 2, 2, 1 if depthwise else 6)).astype(np.int16)
    bias = random.integers(-(1 << 27), 1 << 27, 6)
    case = Convolution(x, weights, bias, Geometry((2, 2), (4, 1)), nest, 6 if depthwise else 1, 0, 0, 0)
    for place, lanes in zip(BiasPlace, (1, 3), strict=True):
        _check_ordered(case, Column(Width(bits), overflow, place, tree, overflow), lanes)


def test_the_narrowest_words_that_hold_all() -> None:
    def word(accumulator: int, tree: int, product: int, load: int = 0, beat: int = 2) -> str | None:
        registers = np.array(
            [[SATURATE, -(1 << bits), (1 << bits) - 1, 0, 0] for bits in (accumulator, tree)]
        )
        found = narrowest(registers, product, np.arange(0, 9, beat), np.array([load]))
        return None if found is None else found.dtype.name

    greatest = (1 << 31) - 1
    assert word(39, 39, greatest // 8) == "int32"
    assert word(39, 39, greatest // 8 + 1) == "int64"
    assert word(39, 39, greatest // 16, greatest // 4) == "int32"
    assert word(39, 39, greatest // 16, greatest // 4 + 8) == "int64"
    assert word(30, 39, (1 << 29) - 1) == "int64"  # the exact sum is four times as large
    # A register, and what one write adds to it.
    assert word(30, 39, 1 << 27) == "int32"
    assert word(30, 39, 1 << 27, beat=8) == "int32"
    assert word(30, 39, (1 << 27) + 1, beat=8) == "int64"
    assert word(63, 63, (1 << 60) - 1) == "int64"
    assert word(63, 63, 1 << 60) is None


def _check_ordered(case: Convolution, column: Column, lanes: int) -> None:
    spec = list(accumulations(case, column, lanes))
    values, seen = accumulate_ordered(case.x, case.packed, case.bias, case.geometry, column, lanes)
    outputs = case.weights.shape[0]
    assert values.reshape(-1).tolist() == [made.value for made in spec]
    leaving = [index for index, made in enumerate(spec) if made.leaves(column.accumulator)]
    assert (seen.final, seen.first_final) == (len(leaving), leaving[0] if leaving else None)
    assert seen.prefix == sum(made.overflows for made in spec)
    first = next(((i, made.first_overflow) for i, made in enumerate(spec) if made.overflows), (None, None))
    assert (seen.first_prefix, seen.first_beat) == first
    for o in range(outputs):
        assert seen.lowest[o] == min(made.lowest for made in spec[o::outputs])
        assert seen.highest[o] == max(made.highest for made in spec[o::outputs])


@given(convolutions(bias_bits=64), st.sampled_from(Overflow), st.sampled_from(BiasPlace), st.integers(60, 64))
def test_ordered_at_the_words_end(case: Convolution, overflow: Overflow, place: BiasPlace, bits: int) -> None:
    """Biases that carry sums out of int64: the register's rule is still the spec's."""
    column = Column(Width(bits), overflow, place)
    spec = list(accumulations(case, column, 3))
    values, seen = accumulate_ordered(case.x, case.packed, case.bias, case.geometry, column, 3)
    assert values.reshape(-1).tolist() == [made.value for made in spec]
    assert seen.final == sum(made.leaves(column.accumulator) for made in spec)
    assert seen.prefix == sum(made.overflows for made in spec)


@pytest.mark.parametrize("bits", [63, 64])
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("place", BiasPlace)
def test_both_ends_of_the_word(bits: int, overflow: Overflow, place: BiasPlace) -> None:
    x = np.array([[[127, 127]], [[-128, -128]]], np.int8)
    weights = np.array([[127, 1], [-128, -1]] * 3, np.int8).reshape(6, 1, 1, 2)
    ends = Width(64)
    bias = np.array([ends.low, ends.high, ends.low + 1, ends.high - 1, ends.high, ends.low], np.int64)
    case = Convolution(x, weights, bias, Geometry((1, 1), (2, 1)), Nest.CONV2D, 1, 0, 0, 0)
    column = Column(Width(bits), overflow, place)
    spec = list(accumulations(case, column, 1))
    values, seen = accumulate_ordered(x, case.packed, bias, case.geometry, column, 1)
    assert values.reshape(-1).tolist() == [made.value for made in spec]
    assert seen.final == sum(made.leaves(column.accumulator) for made in spec) > 0
    assert seen.prefix == sum(made.overflows for made in spec) > 0


@given(convolutions(), st.integers(8, 40))
def test_wrapped_equals_the_spec(case: Convolution, bits: int) -> None:
    register = Width(bits)
    spec = list(accumulations(case, Column(register, Overflow.WRAP), 5))
    values, seen = accumulate_wrapped(case.x, case.packed, case.bias, case.geometry, register)
    assert values.reshape(-1).tolist() == [made.value for made in spec]
    leaving = [index for index, made in enumerate(spec) if made.leaves(register)]
    assert (seen.final, seen.first_final) == (len(leaving), leaving[0] if leaving else None)
    assert (seen.prefix, seen.first_prefix, seen.first_beat) == (None, None, None)


@given(convolutions(), st.data())
def test_any_range_of_rows(case: Convolution, data: st.DataObject) -> None:
    pixels, outputs = case.geometry.pixels, case.weights.shape[0]
    start = data.draw(st.integers(0, pixels))
    rows = range(start, data.draw(st.integers(start, pixels)))
    args = case.x, case.packed, case.bias, case.geometry
    every = accumulate_fast(*args, word=np.int64)
    np.testing.assert_array_equal(accumulate_fast(*args, rows, np.int64), every[start : rows.stop])
    column = Column(Width(12), Overflow.SATURATE)
    values, whole = accumulate_ordered(*args, column, 4)
    merged = AccumulatorStatistics.of_nothing(outputs)
    for part in (range(rows.stop, pixels), rows, range(start)):
        made, seen = accumulate_ordered(*args, column, 4, part)
        np.testing.assert_array_equal(made, values[part.start : part.stop])
        merged = merged.merge(seen)
    np.testing.assert_array_equal(merged.tally, whole.tally)
    np.testing.assert_array_equal(merged.lowest, whole.lowest)
    np.testing.assert_array_equal(merged.highest, whole.highest)


def _matrix(dtype: npt.DTypeLike, rows: int, products: int, outputs: int) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(rows * products + outputs)
    limits = np.iinfo(np.dtype(dtype))  # type: ignore[type-var]
    x = random.integers(limits.min, limits.max + 1, (rows, 1, products)).astype(dtype)
    weights = random.integers(limits.min, limits.max + 1, (outputs, 1, 1, products)).astype(dtype)
    x[-1], weights[-1] = limits.min, limits.min  # the greatest sum there is
    return x, weights, random.integers(-1000, 1000, outputs)


@pytest.mark.parametrize("dtype", CODE_TYPES)
@pytest.mark.parametrize("products", [1, 3, 4, 5, 31, 32, 33, 127, 128, 129, 159, 160, 161])
def test_products_around_block_and_vector_lengths(dtype: npt.DTypeLike, products: int) -> None:
    for rows in (3, 4, 5):
        for outputs in (3, 4, 5, 15, 16, 17):
            _compare(*_matrix(dtype, rows, products, outputs))


@pytest.mark.parametrize("products", [8, 1000])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_rows_around_the_tile(products: int, beyond: int) -> None:
    tile = (1 << 18) // (2 * -(-products // 32) * 32 if products > 128 else 2 * products)
    _compare(*_matrix(np.int8, tile + beyond, products, 17))


def _compare(x: Any, weights: Any, bias: Any) -> None:
    geometry = Geometry((1, 1), (x.shape[0], 1))
    packed = pack(weights, x.dtype)
    exact = x[:, 0].astype(np.int64) @ weights[:, 0, 0].astype(np.int64).T + bias
    np.testing.assert_array_equal(accumulate_fast(x, packed, bias, geometry, word=np.int64), exact)
    modulo = accumulate_fast(x, packed, bias, geometry, word=np.int32)
    np.testing.assert_array_equal(modulo, exact.astype(np.int32))


@pytest.mark.parametrize("nest", Nest)
def test_ordered_equals_fast_where_nothing_overflows(nest: Nest) -> None:
    random = np.random.default_rng(0)
    groups, per_group = (12, 1) if nest is Nest.DEPTHWISE else (2, 20)
    x = random.integers(-128, 128, (9, 8, groups * per_group)).astype(np.int8)
    weights = random.integers(-127, 128, (24, 3, 3, per_group)).astype(np.int8)
    bias = random.integers(-(1 << 20), 1 << 20, 24)
    geometry = Geometry((3, 3), (5, 4), (2, 2), (1, 1), (1, 1))
    packed = pack(weights, np.int8, nest=nest, groups=groups, pad_code=-7)
    fast = accumulate_fast(x, packed, bias, geometry)
    for overflow in Overflow:
        for place in BiasPlace:
            column = Column(Width(32), overflow, place, Width(24))
            values, seen = accumulate_ordered(x, packed, bias, geometry, column, 16)
            np.testing.assert_array_equal(values, fast)
            assert (seen.final, seen.prefix) == (0, 0)


def test_dense_is_a_convolution_of_one_pixel() -> None:
    x = np.arange(-4, 4, dtype=np.int8).reshape(1, 1, 8)
    weights = np.arange(24, dtype=np.int8).reshape(3, 1, 1, 8)
    sums = accumulate_fast(x, pack(weights, np.int8), np.array([1, 2, 3]), Geometry.dense())
    assert sums.tolist() == [(weights.reshape(3, 8).astype(int) @ x.reshape(8) + [1, 2, 3]).tolist()]


def test_operands_that_do_not_fit_are_refused() -> None:
    x, weights = np.zeros((4, 4, 6), np.int8), np.zeros((4, 3, 3, 6), np.int8)
    packed, geometry, bias = pack(weights, np.int8), Geometry((3, 3), (2, 2)), np.zeros(4, np.int64)
    with pytest.raises(ValueError, match="x must be int8"):
        accumulate_fast(x[:, :, :5], packed, bias, geometry)
    with pytest.raises(ValueError, match="x must be int8"):
        accumulate_fast(x.astype(np.uint8), packed, bias, geometry)
    with pytest.raises(ValueError, match="bias must be"):
        accumulate_fast(x, packed, bias[:3], geometry)
    with pytest.raises(ValueError, match="window"):
        accumulate_fast(x, packed, bias, Geometry((1, 3), (2, 2)))
    with pytest.raises(ValueError, match="leaves the output"):
        accumulate_fast(x, packed, bias, geometry, range(3, 5))
    with pytest.raises(ValueError, match="depthwise"):
        pack(weights, np.int8, nest=Nest.DEPTHWISE)
    with pytest.raises(ValueError, match="groups"):
        pack(weights, np.int8, groups=3)
    with pytest.raises(ValueError, match="pad code"):
        pack(weights, np.int8, pad_code=128)
    with pytest.raises(ValueError, match="int32"):
        pack(weights.astype(np.int32), np.int8)
    with pytest.raises(ValueError, match="signed"):
        accumulate_ordered(x, packed, bias, geometry, Column(Width(8, signed=False), Overflow.WRAP), 4)
