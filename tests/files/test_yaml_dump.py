"""The YAML writer: everything reads back exactly, and looks as people would write it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.files.yaml_dump import dump_yaml
from npusim.files.yaml_file import parse_yaml

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=20), inner, max_size=6),
    max_leaves=30,
)


def same(left: Any, right: Any) -> bool:
    """Equal in type too, so that 1, 1.0 and True differ; floats bit for bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    return bool(left == right)


@given(TREES)
@example([[], {}, [[]], [{}], {"": {"": []}}])
@example([[[1, 2], [3]], [["a"], [{"b": 1}]]])
@example({"a": "\x85\u2028\ufeff\U0001f600\x7f\\\"'", "b": " lead", "c": "trail ", "- d": "#e"})
@example("---")
@example("...")
def test_reads_back_exactly(data: Any) -> None:
    assert same(parse_yaml(dump_yaml(data)).data, data)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=200))
@example([1e-05, 1e20, 5e-324, 1.7976931348623157e308, -0.0, 1e16, 0.1])
def test_floats_read_back_bit_for_bit(values: list[float]) -> None:
    assert same(parse_yaml(dump_yaml({"values": values})).data["values"], values)


@pytest.mark.parametrize("text", ["no", "Yes", "ON", "y", "null", "~", "1e3", "1.0", "0x1", "1:20", "<<", ""])
def test_ambiguous_strings_are_quoted_for_every_reader(text: str) -> None:
    written = dump_yaml({"key": text})
    assert yaml.safe_load(written) == {"key": text}
    assert parse_yaml(written).data == {"key": text}


def test_layout() -> None:
    data = {
        "name": "tiny net",
        "steps": [
            {
                "kind": "mac",
                "name": "conv1",
                "stages": [{"multiply": "m"}, {"shift": 3, "rounding": "floor"}],
            },
            {"kind": "pool", "pad": [[0, 1], [0, 1]], "table": {"first": 1, "second": 2}, "none": []},
        ],
    }
    assert dump_yaml(data) == (
        "name: tiny net\n"
        "steps:\n"
        "- kind: mac\n"
        "  name: conv1\n"
        "  stages:\n"
        "  - {multiply: m}\n"
        "  - {shift: 3, rounding: floor}\n"
        "- kind: pool\n"
        "  pad: [[0, 1], [0, 1]]\n"
        "  table: {first: 1, second: 2}\n"
        "  none: []\n"
    )


def test_long_lists_wrap() -> None:
    written = dump_yaml({"values": list(range(1000, 1100))})
    assert max(map(len, written.splitlines())) <= 110
    assert parse_yaml(written).data == {"values": list(range(1000, 1100))}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 10**2000])
def test_what_yaml_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        dump_yaml({"key": value})


def test_deep_nesting_and_long_keys_are_refused() -> None:
    deep: Any = 1
    for _ in range(33):
        deep = [deep]
    with pytest.raises(InputError, match="deeply"):
        dump_yaml(deep)
    assert parse_yaml(dump_yaml(deep[0])).data == deep[0]
    with pytest.raises(InputError, match="key too long"):
        dump_yaml({"k" * 2000: 1})


def test_other_types_are_a_programming_error() -> None:
    with pytest.raises(TypeError):
        dump_yaml({"key": object()})
    with pytest.raises(TypeError):
        dump_yaml({1: 2})
