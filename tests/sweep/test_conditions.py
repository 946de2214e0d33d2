"""Conditions mean what Python's own evaluation says, and can do nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.errors import InputError
from npusim.sweep.conditions import Condition

NAMES = ("bits", "shift", "overflow")
NUMBERS = st.integers(-40, 40).map(str)
SUMS = st.recursive(
    st.sampled_from(["bits", "shift"]) | NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=4,
)
NUMERIC = st.tuples(SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS).map(" ".join)
CHAINED = st.tuples(SUMS, SUMS, SUMS).map(lambda t: f"{t[0]} <= {t[1]} < {t[2]}")
WORDS = st.sampled_from(["overflow == 'wrap'", "overflow in ('wrap', 'x')", "bits not in [16, 20]"])
CONDITIONS = st.recursive(
    NUMERIC | CHAINED | WORDS,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda text: f"not ({text})")
    ),
    max_leaves=5,
)


@given(CONDITIONS, st.integers(0, 32), st.integers(0, 32), st.sampled_from(["wrap", "saturate"]))
def test_conditions_mean_what_python_means(text: str, bits: int, shift: int, overflow: str) -> None:
    values = {"bits": bits, "shift": shift, "overflow": overflow}
    if len(text) <= 500:
        assert Condition(text, NAMES).holds(values) is bool(eval(text, {"__builtins__": {}}, values))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bits >",
        "__import__('os')",
        "bits.real > 3",
        "[bits for bits in (1, 2)]",
        "(lambda: 1)() == 1",
        "bits if shift else 3",
        "2 ** 9 > bits",
        "bits := 3",
        "f'{bits}' == '3'",
        "None == bits",
        "b'x' == bits",
        "bits is 3",
        "~bits > 3",
        "bits[0] > 1",
        "(" * 300,
        "bits > 1 and " * 60 + "bits > 1",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Condition(text, NAMES)


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(InputError, match="no such axis; found 'bit'; allowed: did you mean 'bits'"):
        Condition("bit > 3", NAMES)


@pytest.mark.parametrize(
    "text", ["bits > overflow", "overflow * 3 == 'x'", "-overflow == 1", "bits in overflow"]
)
def test_words_and_numbers_are_not_mixed(text: str) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        Condition(text, NAMES).holds({"bits": 3, "shift": 1, "overflow": "wrap"})
