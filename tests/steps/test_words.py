"""Steps on words: any integers within the declared widths, the simulator equals the spec."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import npusim
from npusim.analysis.code_ranges import output_range
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.program import Program, load_program
from npusim.simulator import Result
from npusim.spec.events import Event
from npusim.spec.interval import Interval
from npusim.spec.pipeline import run
from npusim.spec.resampling import weighted
from npusim.spec.rounding import Rounding, shift_right
from npusim.spec.width import Width
from npusim.steps.add_words import AddWordsStep
from npusim.steps.arithmetic_right_shift import ArithmeticRightShiftStep
from npusim.steps.base import Step, TensorType
from npusim.steps.binary_words import BinaryWordsStep
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.constant import ConstantStep
from npusim.steps.fields import Keeps
from npusim.steps.interpolate_words import InterpolateWordsStep
from npusim.steps.matmul import MatmulStep
from npusim.steps.max_pool import MaxPoolStep
from npusim.steps.maximum import MaximumStep
from npusim.steps.mul_words import MulWordsStep
from npusim.steps.rescale_words import RescaleWordsStep
from npusim.steps.sub_words import SubWordsStep
from npusim.steps.weighted_resize import WeightedResizeStep

OPERATORS = load_datapath("tosa_operators")
INT16 = load_datapath("tosa_operators_int16")
X = {"name": "step", "inputs": ("x",), "output": "y"}
TWO = {**X, "inputs": ("a", "b")}
Words = np.ndarray[Any, np.dtype[Any]]


def words(shape: tuple[int, ...], width: Width) -> st.SearchStrategy[Words]:
    """Integers of a width, extremes and small ones included."""
    values = st.integers(width.low, width.high)
    likely = st.sampled_from([width.low, width.high, 0]) | st.integers(max(-9, width.low), min(9, width.high))
    return arrays(np.int64, shape, elements=values | likely)


def program_of(step: Step, kinds: Sequence[TensorType], datapath: npusim.Datapath = OPERATORS) -> Program:
    """A program of one step whose inputs are of these types."""
    types = dict(zip(step.inputs, kinds, strict=True))
    made = step.output_type(kinds, datapath)
    return Program(
        name="one_step",
        input_names=step.inputs,
        output_names=(step.output,),
        tensors={**types, step.output: made},
        steps=(step,),
        datapath=datapath,
    )


def ran(
    step: Step, inputs: Sequence[Words], widths: Sequence[Width], datapath: npusim.Datapath = OPERATORS
) -> Result:
    """One step on one image, recorded and counted; the same as when nothing is."""
    kinds = [
        TensorType(shape=x.shape, bits=width.bits, signed=width.signed)
        for x, width in zip(inputs, widths, strict=True)
    ]
    program = program_of(step, kinds, datapath)
    fed = {name: x[np.newaxis] for name, x in zip(step.inputs, inputs, strict=True)}
    result = npusim.simulate(program, fed, taps=[f"{step.name}:*"], statistics=True)
    np.testing.assert_array_equal(npusim.simulate(program, fed).outputs["y"], result.outputs["y"])
    np.testing.assert_array_equal(result.taps["step"]["output"], result.outputs["y"])
    return result


@pytest.mark.parametrize("kind", [AddWordsStep, SubWordsStep, MulWordsStep])
@settings(max_examples=30, deadline=None)
@given(data=st.data(), bits=st.sampled_from([8, 16, 32]), shift=st.integers(0, 63))
def test_combinations(kind: type[BinaryWordsStep], data: st.DataObject, bits: int, shift: int) -> None:
    a, b = data.draw(words((2, 3), Width(bits))), data.draw(words((1, 3), Width(bits)))
    fields = {"shift": shift} if kind is MulWordsStep else {}
    step = kind(**TWO, fields=fields)
    result = ran(step, [a, b], [Width(bits)] * 2)
    pairs = zip(a.reshape(-1).tolist(), np.broadcast_to(b, a.shape).reshape(-1).tolist(), strict=True)
    traces = [run(step.stages(OPERATORS), kind.combination.of(x, y), fields) for x, y in pairs]
    assert result.outputs["y"].reshape(-1).tolist() == [trace.result for trace in traces]
    assert result.statistics is not None
    (events,) = result.statistics["step"].events.values()
    for event in (Event.SATURATED_LOW, Event.SATURATED_HIGH, Event.TIE):
        expected = sum(event in found for trace in traces for found in trace.events)
        assert (events[event].count if event in events else 0) == expected


RESCALED = [
    (Width(8), Width(8, signed=False), 31),
    (Width(16, signed=False), Width(16), 31),
    (Width(32), Width(32), 31),
    (Width(48), Width(16), 15),
]


@pytest.mark.parametrize(("width", "made", "factor_bits"), RESCALED)
@settings(max_examples=30, deadline=None)
@given(data=st.data(), shift=st.integers(2, 62), double=st.booleans())
def test_rescale_words(
    width: Width, made: Width, factor_bits: int, data: st.DataObject, shift: int, double: bool
) -> None:
    x = data.draw(words((3, 2), width))
    factors = data.draw(words((2,), Width(factor_bits, signed=False)))
    zeros = data.draw(st.integers(-128, 127)), data.draw(st.integers(-128, 127))
    if width.bits > 32:
        zeros = 0, 0
    fields = {
        "input_zp": zeros[0],
        "output_zp": zeros[1],
        "multiplier": factors,
        "first_shift": min(shift, 31) if double else shift,
        "right_shift": max(shift - 31, 0) if double else 0,
        "least": made.low,
        "greatest": made.high,
    }
    step = RescaleWordsStep(**X, bits=made.bits, signed=made.signed, fields=fields)
    result = ran(step, [x], [width])
    for value, factor, found in zip(
        x.reshape(-1).tolist(), factors.tolist() * 3, result.outputs["y"].reshape(-1).tolist(), strict=True
    ):
        own = {**fields, "multiplier": factor}
        assert found == run(step.stages(OPERATORS), value, own).result
        # From TOSA's own formula, in exact fractions.
        correction = Fraction(0)
        if double and shift > 31:
            correction = Fraction(1 if value >= zeros[0] else -1) * Fraction(2**30, 2**shift)
        exact = Fraction((value - zeros[0]) * factor, 2**shift) + correction
        rescaled = min(max(floor(exact + Fraction(1, 2)), Width(32).low), Width(32).high)
        assert found == min(max(rescaled + zeros[1], made.low), made.high)


def test_a_rescale_that_could_leave_the_machine_word_is_refused() -> None:
    fields = {"input_zp": 0, "output_zp": 0, "multiplier": 2**31 - 1, "first_shift": 40, "right_shift": 0}
    step = RescaleWordsStep(**X, bits=8, fields={**fields, "least": -128, "greatest": 127})
    with pytest.raises(InputError, match="stage 1, multiply, reaches 79 bits"):
        program_of(step, [TensorType(shape=(2,), bits=48)])
    step = RescaleWordsStep(**X, bits=8, fields={**fields, "least": -129, "greatest": 127})
    with pytest.raises(InputError, match=r"results can leave the output's codes; found '-129..127'"):
        program_of(step, [TensorType(shape=(2,), bits=32)])


@settings(max_examples=30, deadline=None)
@given(x=words((3, 2), Width(16)), entries=words((513,), Width(15)))
def test_interpolate_words(x: Words, entries: Words) -> None:
    result = ran(InterpolateWordsStep(**X, bits=32, fields={"entries": entries}), [x], [Width(16)])
    for value, found in zip(x.reshape(-1).tolist(), result.outputs["y"].reshape(-1).tolist(), strict=True):
        place = Fraction(value + 2**15, 2**7)
        first = floor(place)
        low, high = int(entries[first]), int(entries[first + 1])
        assert Fraction(found, 2**7) == low + (high - low) * (place - first)


@settings(max_examples=30, deadline=None)
@given(
    data=st.data(),
    width=st.sampled_from([Width(8), Width(16), Width(32), Width(16, signed=False)]),
    rounding=st.sampled_from(Rounding),
)
def test_arithmetic_right_shift(data: st.DataObject, width: Width, rounding: Rounding) -> None:
    a, b = data.draw(words((2, 3), width)), data.draw(arrays(np.int64, (2, 1), elements=st.integers(-3, 70)))
    result = ran(ArithmeticRightShiftStep(**TWO, rounding=rounding), [a, b], [width, Width(8)])
    bits = np.broadcast_to(b, a.shape).reshape(-1).tolist()
    expected = [
        shift_right(value, max(amount, 0), rounding)[0]
        for value, amount in zip(a.reshape(-1).tolist(), bits, strict=True)
    ]
    assert result.outputs["y"].reshape(-1).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(data=st.data(), bits=st.sampled_from([8, 16]))
def test_weighted_resize(data: st.DataObject, bits: int) -> None:
    x = data.draw(words((3, 4, 2), Width(bits)))
    places = {
        "rows": data.draw(arrays(np.int64, (2, 2), elements=st.integers(0, 2))),
        "columns": data.draw(arrays(np.int64, (3, 2), elements=st.integers(0, 3))),
    }
    weights = {
        f"{key[:-1]}_weights": data.draw(arrays(np.int64, at.shape, elements=st.integers(-2047, 2048)))
        for key, at in places.items()
    }
    result = ran(WeightedResizeStep(**X, **places, **weights, bits=48), [x], [Width(bits)]).outputs["y"][0]
    for y, (above, below) in enumerate(places["rows"].tolist()):
        for z, (left, right) in enumerate(places["columns"].tolist()):
            for c in range(2):
                codes = [int(x[row, column, c]) for row in (above, below) for column in (left, right)]
                rows, columns = weights["row_weights"][y].tolist(), weights["column_weights"][z].tolist()
                assert result[y, z, c] == weighted(tuple(codes), tuple(rows), tuple(columns))


RESIZE = {
    "rows": np.array([[0, 1]]),
    "row_weights": np.array([[1, 2]]),
    "columns": np.array([[0, 0]]),
    "column_weights": np.array([[3, 4]]),
    "bits": 32,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": np.array([0, 1])}, "rows: two per pixel are wanted"),
        ({"rows": np.array([[0, 2]])}, "rows: no such pixel; found 2; allowed: 0..1"),
        ({"columns": np.array([[0, -1]])}, "columns: no such pixel; found -1"),
        ({"row_weights": np.array([[1]])}, "row_weights: one weight per place is wanted"),
        ({"bits": 12}, r"bits: sums can leave the output; found '-2688..2667'"),
        ({"bits": 16, "column_weights": np.array([[300, 0]])}, "bits: sums can leave the output"),
    ],
)
def test_resizes_that_are_none(changes: dict[str, Any], message: str) -> None:
    step = WeightedResizeStep(**X, **{**RESIZE, **changes})
    with pytest.raises(InputError, match=message):
        program_of(step, [TensorType(shape=(2, 3, 1), bits=8)])


@settings(max_examples=20, deadline=None)
@given(data=st.data(), bits=st.sampled_from([8, 16]), zeros=st.tuples(*[st.integers(-128, 127)] * 2))
def test_matmul_keeps_accumulators(data: st.DataObject, bits: int, zeros: tuple[int, int]) -> None:
    datapath = OPERATORS if bits == 8 else INT16
    a, b = data.draw(words((2, 2, 3), Width(bits))), data.draw(words((2, 3, 4), Width(bits)))
    fields = tuple({"x_zero": zero} for zero in zeros)
    step = MatmulStep(**TWO, operand_fields=fields, fields={}, keeps=Keeps.ACCUMULATORS)
    result = ran(step, [a, b], [Width(bits)] * 2, datapath)
    exact = (a - zeros[0]).astype(object) @ (b - zeros[1]).astype(object)
    assert result.outputs["y"][0].tolist() == exact.tolist()
    assert result.taps["step"].keys() == {"operand_0.0.add", "operand_1.0.add", "accumulator", "output"}


@pytest.mark.parametrize("width", [Width(1, signed=False), Width(8), Width(32), Width(48)])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_codes_of_any_width_are_copied_and_compared(width: Width, data: st.DataObject) -> None:
    a, b = data.draw(words((2, 3), width)), data.draw(words((2, 3), width))
    free = (None, None)
    joined = ran(ConcatStep(**TWO, axis=0, operand_fields=free), [a, b], [width, width]).outputs["y"][0]
    np.testing.assert_array_equal(joined, np.concatenate([a, b]))
    larger = ran(MaximumStep(**TWO, operand_fields=free), [a, b], [width, width]).outputs["y"][0]
    np.testing.assert_array_equal(larger, np.maximum(a, b))
    low, high = sorted((int(a.min()), int(b.max())))
    clipped = ran(ClampStep(**X, low=low, high=high), [a], [width]).outputs["y"][0]
    np.testing.assert_array_equal(clipped, np.clip(a, low, high))


def test_the_wider_of_two_widths_holds_both() -> None:
    kinds = [TensorType(shape=(2,), bits=20), TensorType(shape=(2,), bits=40)]
    for step in (
        ConcatStep(**TWO, operand_fields=(None, None)),
        MaximumStep(**TWO, operand_fields=(None, None)),
    ):
        assert step.output_type(kinds, OPERATORS).bits == 40
        with pytest.raises(InputError, match=r"signed and unsigned codes meet; found 'u40'"):
            step.output_type([kinds[0], kinds[1].replace(signed=False)], OPERATORS)


@pytest.mark.parametrize(
    ("step", "count"),
    [
        (AddWordsStep(**TWO), 2),
        (ArithmeticRightShiftStep(**TWO, rounding=Rounding.FLOOR), 2),
        (InterpolateWordsStep(**X, bits=32, fields={"entries": np.zeros(513, np.int64)}), 1),
    ],
)
def test_words_have_32_bits(step: Step, count: int) -> None:
    with pytest.raises(InputError, match=r"inputs\[0\]: too wide for an operation on words; found 's33'"):
        program_of(step, [TensorType(shape=(2,), bits=33)] * count)


def test_pools_read_up_to_16_bits() -> None:
    step = MaxPoolStep(**X, kernel=(1, 1))
    assert program_of(step, [TensorType(shape=(2, 2, 1), bits=16)]).tensors["y"].bits == 16
    with pytest.raises(InputError, match="too wide for a pool; found 32"):
        program_of(step, [TensorType(shape=(2, 2, 1), bits=32)])


def test_a_program_of_constants_makes_one_image(tmp_path: Path) -> None:
    constants = [
        ConstantStep(name=name, inputs=(), output=name, codes=np.array(codes), bits=40)
        for name, codes in (("a", [2**39 - 1, 5]), ("b", [-(2**39), 7]))
    ]
    steps = (*constants, MaximumStep(**TWO, operand_fields=(None, None)))
    kind = TensorType(shape=(2,), bits=40)
    program = Program(
        name="constants",
        input_names=(),
        output_names=("y",),
        tensors=dict.fromkeys(("a", "b", "y"), kind),
        steps=steps,
        datapath=OPERATORS,
    )
    program.save(tmp_path / "p.yaml")
    for one in (program, load_program(tmp_path / "p.yaml")):
        assert npusim.simulate(one, {}).outputs["y"].tolist() == [[2**39 - 1, 7]]
        assert npusim.simulate(one, {}, taps=["step"]).taps["step"]["output"].tolist() == [[2**39 - 1, 7]]
    with pytest.raises(InputError, match="the program has no inputs"):
        npusim.simulate(program, np.zeros((1, 2)))
    with pytest.raises(InputError, match=r"no code of the output; found 549755813887"):
        program.replace(
            steps=(constants[0].replace(bits=39), *steps[1:]),
            tensors={**program.tensors, "a": kind.replace(bits=39)},
        )


WORDS = TensorType(shape=(2, 2), bits=32)
IMAGE = TensorType(shape=(2, 2, 1), bits=8)
FIELDS = {"input_zp": 0, "output_zp": 1, "first_shift": 9, "right_shift": 0, "least": -8, "greatest": 7}
SAVED: list[tuple[Step, list[TensorType]]] = [
    (AddWordsStep(**TWO), [WORDS] * 2),
    (SubWordsStep(**TWO, bits=32), [WORDS] * 2),
    (MulWordsStep(**TWO, fields={"shift": 3}), [WORDS] * 2),
    (RescaleWordsStep(**X, bits=4, fields={**FIELDS, "multiplier": np.array([5, 6])}), [WORDS]),
    (InterpolateWordsStep(**X, bits=24, fields={"entries": np.arange(513)}), [WORDS]),
    (ArithmeticRightShiftStep(**TWO, rounding=Rounding.HALF_EVEN), [WORDS] * 2),
    (WeightedResizeStep(**X, **RESIZE), [IMAGE]),
]


@pytest.mark.parametrize(("step", "kinds"), SAVED, ids=lambda case: getattr(case, "kind", ""))
def test_a_step_comes_back_as_it_was(tmp_path: Path, step: Step, kinds: list[TensorType]) -> None:
    program_of(step, kinds).save(tmp_path / "p.yaml")
    again = load_program(tmp_path / "p.yaml")
    assert type(again.steps[0]) is type(step)
    assert same_values(again.steps[0].model_dump(), step.model_dump())


def test_an_operation_on_words_must_end_in_words() -> None:
    with pytest.raises(InputError, match=r"pipelines.add_words.result: must end in words -2147483648"):
        change_datapath(OPERATORS, {"pipelines.add_words.result[0].to": 33}, "wide")


@pytest.mark.parametrize(("step", "kinds"), SAVED, ids=lambda case: getattr(case, "kind", ""))
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_proven_ranges_hold(step: Step, kinds: list[TensorType], data: st.DataObject) -> None:
    inputs = [data.draw(words(kind.shape, kind.codes.register)) for kind in kinds]
    whole = step.output_type(kinds, OPERATORS).codes.interval
    found = [Interval(int(x.min()), int(x.max())) for x in inputs]
    proven = output_range(step, found, None, OPERATORS, whole)
    made = ran(step, inputs, [kind.codes.register for kind in kinds]).outputs["y"]
    assert proven.within(whole)
    assert Interval(int(made.min()), int(made.max())).within(proven)
