from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.analysis.monotone import directions
from npusim.analysis.rescale import Rescale
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.stages import Multiply, SelectNegative, ShiftRight, Table, Wrap
from npusim.spec.width import Overflow
from tests.strategies import field_values, pipelines

ENTERING = Interval(-(1 << 20), (1 << 20) - 1)
SHIFT = ShiftRight(by=("shift",), rounding=Rounding.HALF_EVEN)


def known(fields: dict[str, object]) -> dict[str, object]:
    """Fields as a step has them: tables as arrays."""
    return {name: np.array(value) if isinstance(value, tuple) else value for name, value in fields.items()}


@settings(max_examples=300)
@given(st.data())
def test_the_lemma_holds_for_the_spec(data: st.DataObject) -> None:
    stages = data.draw(pipelines(ENTERING))
    rescale = Rescale(stages, known(dict(data.draw(field_values()))), 1)
    way = int(directions(rescale, ENTERING)[0])
    values = data.draw(st.lists(st.integers(ENTERING.low, ENTERING.high), min_size=2, max_size=12))
    near = [value + step for value in values for step in (0, 1) if value + step in ENTERING]
    results = [rescale.spec(value, 0) for value in sorted(near)]
    if way:
        ordered = results if way > 0 else results[::-1]
        assert ordered == sorted(ordered)


def test_every_rounding_rule_keeps_the_order() -> None:
    for rule in Rounding:
        for n in range(8):
            made = [shift_right(value, n, rule)[0] for value in range(-600, 600)]
            assert made == sorted(made)


def test_what_breaks_the_order_is_seen() -> None:
    cases = [
        ((Multiply(by="m"), SHIFT), {"m": np.array([3, 0, -3]), "shift": 2}, [1, 1, -1]),
        ((SelectNegative(positive=5, negative="m"),), {"m": np.array([3, 0, -3])}, [1, 1, 0]),
        ((SelectNegative(positive=-5, negative="m"),), {"m": np.array([3, 0, -3])}, [0, -1, -1]),
        ((Wrap(to=8),), {}, [0, 0, 0]),
        ((Multiply(by=2, bits=8, overflow=Overflow.WRAP),), {}, [0, 0, 0]),
        ((Table(table="t", index_bits=2),), {"t": np.array([4, 4, 2, 1])}, [-1, -1, -1]),
        ((Table(table="t", index_bits=2),), {"t": np.array([4, 4, 2, 3])}, [0, 0, 0]),
    ]
    for stages, fields, wanted in cases:
        entering = Interval(-2, 1) if isinstance(stages[0], Table) else Interval(-200, 200)
        assert directions(Rescale(stages, fields, 3), entering).tolist() == wanted
    assert directions(Rescale((Wrap(to=8),), {}, 1), Interval(-128, 127)).tolist() == [1]


def test_two_turns_make_a_rising_pipeline() -> None:
    stages = (Multiply(by=-3), SHIFT, Multiply(by="-m"))
    assert directions(Rescale(stages, {"m": 2, "shift": 1}, 1), ENTERING).tolist() == [1]
