"""A9 and its errors: bytes, floats and codes; everything else is refused by name."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import npusim
from npusim.input_codes import to_codes
from npusim.program import Real, RealTensor
from npusim.spec.quantize import quantize
from npusim.spec.width import Width
from tests.compiler.networks import conv, images, network
from tests.simulator.programs import batch, compiled, dense

ONE = npusim.compile(network([conv("c", "x", 3, 2)], ["c"]), "wes_npu", "wes", images())
SHAPE = (6, 6, 3)


def test_every_byte_becomes_its_exact_code() -> None:
    """Mean and std of 127.5: S is about 2/255, and every byte lies near a tie."""
    real = ONE.real.tensors["x"]
    x = np.resize(np.arange(256, dtype=np.uint8), (3, *SHAPE))
    expected = [
        quantize(
            (Fraction(b) - Fraction(255, 2)) / Fraction(255, 2),
            Fraction(real.scale),
            real.zero_point,
            Width(8),
        )
        for b in range(256)
    ]
    np.testing.assert_array_equal(to_codes(ONE, x)["x"], np.array(expected)[x])


def test_floats_are_rounded_half_even_and_clamped() -> None:
    program = ONE.replace(real=Real(tensors={"x": RealTensor(scale=0.25, zero_point=1)}))
    values = np.zeros((1, *SHAPE))
    values[0, 0, 0] = [0.125, 0.375, -0.125]
    values[0, 0, 1] = [1e9, -1e9, np.inf]
    made = to_codes(program, values)["x"][0, 0]
    assert made[:2].tolist() == [[1, 3, 1], [127, -128, 127]]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int64, np.uint16])
def test_integers_are_codes(dtype: Any) -> None:
    x = np.full((2, *SHAPE), 100, dtype)
    made = to_codes(ONE, x)["x"]
    assert made.dtype == np.int8
    assert (made == 100).all()


def test_bytes_without_a_table_are_codes() -> None:
    program = dense([[1, 1]], [0])
    assert to_codes(program, np.array([[1, 127]], np.uint8))["x"].tolist() == [[1, 127]]
    with pytest.raises(npusim.InputError, match="out of range"):
        to_codes(program, np.array([[1, 128]], np.uint8))


GOOD = np.zeros((2, *SHAPE), np.int8)
BAD: dict[str, tuple[Any, str]] = {
    "empty batch": (GOOD[:0], "batch for x is empty"),
    "too few rows": (GOOD[:, :5], r"wrong shape; found \(2, 5, 6, 3\); allowed: \(images, 6, 6, 3\)"),
    "no batch axis": (GOOD[0], "wrong shape"),
    "scalar": (3, "wrong shape"),
    "nothing": (None, "wrong shape"),
    "booleans": (GOOD.astype(bool), "wrong type; found 'bool'"),
    "complex": (GOOD.astype(complex), "wrong type"),
    "text": (GOOD.astype(str), "wrong type"),
    "objects": (GOOD.astype(object), "wrong type"),
    "ragged": ([[1, 2], [3]], "no array"),
    "NaN": (np.where(np.arange(3) == 1, np.nan, np.zeros((1, *SHAPE))), r"NaN; found 'at \(0, 0, 0, 1\)'"),
    "too low": (GOOD.astype(int) - 129, "out of range; found -129; allowed: -128..127"),
    "too high": (GOOD.astype(int) + 128, "out of range; found 128"),
    "far too high": (np.full((1, *SHAPE), 2**63, np.uint64), "out of range"),
    "another name": ({"y": GOOD}, "names do not fit"),
    "one too many": ({"x": GOOD, "y": GOOD}, "names do not fit"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_inputs_are_refused(name: str) -> None:
    inputs, says = BAD[name]
    with pytest.raises(npusim.InputError, match=says):
        npusim.simulate(ONE, inputs)


def test_bytes_beyond_the_codes_are_told_what_they_lack() -> None:
    with pytest.raises(npusim.InputError, match="found 200; allowed: -128..127; bytes become codes where"):
        npusim.simulate(dense([[1]], [0]), np.full((1, 1), 200, np.uint8))


def test_floats_without_a_scale_are_refused() -> None:
    with pytest.raises(npusim.InputError, match="no scale"):
        npusim.simulate(dense([[1]], [0]), np.zeros((1, 1)))


def test_outputs_without_a_scale_have_no_real_values() -> None:
    result = npusim.simulate(dense([[1]], [0]), np.zeros((1, 1), np.int8))
    with pytest.raises(npusim.InputError, match="no scale"):
        _ = result.dequantized


def test_several_inputs_come_by_name() -> None:
    a, b = batch(2).values()
    result = npusim.simulate(compiled(), {"b": b, "a": a})
    assert result.outputs.keys() == {"head", "again"}
    with pytest.raises(npusim.InputError, match="several inputs; allowed: a mapping with a, b"):
        npusim.simulate(compiled(), a)
    with pytest.raises(npusim.InputError, match=r"different numbers of images; found \[1, 2\]"):
        npusim.simulate(compiled(), {"a": a, "b": b[:1]})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"taps": ["d"]}, "no step of this name to tap; found 'd'; allowed: c"),
        ({"taps": ["c:foo"]}, "no such tap; found 'foo'; allowed: accumulator, 0.multiply"),
        ({"taps": "c:"}, None),
        ({"statistics": "all"}, "unknown statistics; found 'all'; allowed: False, True, off, events, prefix"),
        ({"threads": 0}, "threads must be positive; found 0"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert npusim.simulate(ONE, GOOD, **arguments).taps["c"].keys() == {"accumulator", "output"}
        return
    with pytest.raises(npusim.InputError) as caught:
        npusim.simulate(ONE, GOOD, **arguments)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (np.zeros((3, 200)), "wrong shape"),
        (np.zeros((2, 256)), "wrong shape"),
        (np.full((3, 256), 128), "no code of the input; found 128"),
    ],
)
def test_byte_tables_that_do_not_fit_are_refused(table: Any, says: str) -> None:
    with pytest.raises(npusim.InputError, match=says) as caught:
        ONE.replace(real=Real(byte_tables={"x": table.astype(np.int64)}))
    assert caught.value.key == "real.byte_tables.x"


def test_meanings_that_fit_no_tensor_are_refused() -> None:
    meaning = RealTensor(scale=1.0)
    with pytest.raises(npusim.InputError) as caught:
        ONE.replace(real=Real(tensors={"d": meaning}))
    assert caught.value.key == "real.tensors.d"
    with pytest.raises(npusim.InputError) as caught:
        ONE.replace(real=Real(tensors={"c": meaning.replace(factors=np.ones(3))}))
    assert caught.value.key == "real.tensors.c.factors"
