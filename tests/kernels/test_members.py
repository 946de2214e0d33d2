"""Events of codes counted by sets of them: what the spec's pipeline causes, code by code."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.kernels.codes import CountingTable, direct_table
from npusim.kernels.emit.registers import VECTOR
from npusim.kernels.events import KINDS, EventCounts
from npusim.kernels.isa import InstructionSet, available, selected
from npusim.kernels.jit import readonly
from npusim.kernels.members import ONE_ROW, by_byte, count_sets, laid_out, members_of
from npusim.kernels.plan import compile_pipeline
from npusim.kernels.records import COUNT, FIRST, of_nothing
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Add, Clamp, Multiply, ShiftRight
from tests.kernels.processes import run_python
from tests.kernels.reference import SpecRun
from tests.strategies import roundings

EXAMPLES = "from tests.kernels.test_members import test_sets_of_codes; test_sets_of_codes()"


def _recorded(record: np.ndarray, kinds: tuple, stages: int) -> EventCounts:
    found = EventCounts(stages)
    for index, (stage, event) in enumerate(kinds):
        found.counts[stage, KINDS.index(event)] = record[COUNT + index]
        found.first[stage, KINDS.index(event)] = record[FIRST + index]
    return found


@settings(max_examples=50)
@given(st.data(), roundings, st.sampled_from([np.int8, np.uint8]))
def test_whatever_is_counted_is_what_the_spec_says(data: st.DataObject, rule: Rounding, codes: type) -> None:
    low, high = sorted(data.draw(st.tuples(st.integers(-150, 300), st.integers(-150, 300))))
    stages = (
        Add(operand=data.draw(st.integers(-200, 200))),
        Multiply(by=data.draw(st.integers(-9, 9))),
        ShiftRight(by=(data.draw(st.integers(0, 5)),), rounding=rule),
        Clamp(low=low, high=high),
    )
    kind, limits = np.dtype(codes), np.iinfo(codes)
    members = members_of(compile_pipeline(stages, {}, 2), kind)
    assert members is not None
    size = data.draw(st.integers(1, 9) | st.sampled_from([VECTOR - 1, VECTOR, VECTOR + 1, 3 * VECTOR + 5]))
    some = st.integers(int(limits.min), int(limits.max))
    drawn = data.draw(st.lists(some, min_size=1, max_size=4))
    values = np.resize(np.array(drawn, codes), size)
    values[data.draw(st.integers(0, size - 1))] = data.draw(some)
    record, x = of_nothing(), readonly(values.view(np.uint8), np.uint8)
    for begin, end in pairwise(sorted({0, data.draw(st.integers(0, size)), size})):  # in two parts
        for call in members.calls(x, begin, end, record):
            call.kernel(*call.arguments)
    expected = SpecRun(stages, values.astype(np.int64)[:, np.newaxis], [{}]).events
    found = _recorded(record, members.kinds, len(stages))
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.first, expected.first)


def test_sets_of_codes() -> None:
    """Random sets, of one code, of all but one, and the same again; also run for every instruction set."""
    random = np.random.default_rng(0)
    codes = np.arange(256)
    for size in (
        0,
        1,
        VECTOR - 1,
        VECTOR,
        5 * VECTOR + 7,
        600 * VECTOR + 3,
    ):  # of 255 vectors counts fill bytes
        chosen = random.random((9, 256)) < np.array([0.5, 0.02, 0.0, 1.0, 0, 0, 0, 0.5, 0])[:, np.newaxis]
        chosen[4], chosen[5] = codes == random.integers(256), codes != random.integers(256)
        chosen[6], chosen[8] = chosen[5], chosen[7]
        sets = laid_out(chosen.astype(np.uint8))
        x, record = readonly(random.integers(0, 256, size), np.uint8), of_nothing()
        count_sets(x, sets, 0, size, 2, *ONE_ROW, record)
        inside = chosen[:, x]
        assert record[COUNT + 2 : COUNT + 11].tolist() == inside.sum(axis=1).tolist()
        for own, first in zip(inside, record[FIRST + 2 : FIRST + 11], strict=True):
            assert first == (own.argmax() if own.any() else of_nothing()[FIRST])


@pytest.mark.parametrize("choice", [each for each in available() if each is not selected()])
def test_on_other_instruction_sets(choice: InstructionSet) -> None:
    done = run_python("-c", EXAMPLES, NPUSIM_ISA=choice.value)
    assert done.returncode == 0, done.stderr


def test_a_table_counts_what_enters_it() -> None:
    stages = (ShiftRight(by=(1,), rounding=Rounding.HALF_UP), Clamp(low=-3, high=5))
    kind = np.dtype(np.int8)
    members = members_of(compile_pipeline(stages, {}, 1), kind)
    values = np.arange(-128, 128, dtype=np.int8)
    x = readonly(values.view(np.uint8), np.uint8)
    made = SpecRun(stages, by_byte(kind)[:, np.newaxis], [{}]).after[-1, :, 0]
    table = direct_table(np.roll(made, 128).astype(np.int8), -128, values.size)
    assert members is not None
    assert table is not None
    record, out = of_nothing(), np.empty(values.size, np.uint8)
    CountingTable(table, members).run([x], out, out[:0], 0, table.units, record)
    spec = SpecRun(stages, values.astype(np.int64)[:, np.newaxis], [{}])
    np.testing.assert_array_equal(out.view(np.int8), spec.after[-1, :, 0])
    found = _recorded(record, members.kinds, len(stages))
    np.testing.assert_array_equal(found.counts, spec.events.counts)
    np.testing.assert_array_equal(found.first, spec.events.first)
