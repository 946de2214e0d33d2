from __future__ import annotations

import numpy as np
import pytest

import npusim
from npusim.analysis import prove, replay
from npusim.analysis.bounds import Moment
from npusim.analysis.rescale_proof import prove_rescales
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.program import Program
from npusim.spec.interval import Interval
from npusim.steps.average_pool import AveragePoolStep
from npusim.steps.base import TensorType
from npusim.steps.matmul import MatmulStep
from npusim.steps.probe import Path
from tests.analysis.builders import WES, conv, program

RNG = np.random.default_rng(5)
NARROW = change_datapath(WES, {"mac.accumulator.bits": 18, "mac.bias.bits": 18}, "narrow")
WRAPS = change_datapath(NARROW, {"mac.accumulator.overflow": "wrap"}, "wraps")


def test_a_relu_before_a_step_halves_its_range() -> None:
    first = conv(RNG.integers(-127, 128, (4, 3, 3, 2)), fields={"low": 0, "y_zero": 0})
    second = conv(np.full((2, 1, 1, 4), 100), name="next", inputs=("y",), output="z", fields={"x_zero": 0})
    proof = prove(program(first, second, shape=(5, 5, 2)))
    assert proof.codes["y"] == Interval(0, 127)
    last = proof.step("next")
    assert last.any_codes.hull(Moment.FINAL) == Interval(-51200, 50800)
    assert last.reachable.hull(Moment.FINAL) == Interval(0, 50800)
    assert (last.safe_bits, last.reachable_bits, last.headroom) == (17, 17, 15)
    assert last.path is not None
    assert last.path.path is Path.FAST_32


def test_codes_that_arrive_lie_in_the_proven_ranges() -> None:
    first = conv(RNG.integers(-20, 21, (4, 1, 1, 2)), fields={"shift": 16, "low": -100, "high": 90})
    second = conv(
        RNG.integers(-9, 9, (3, 1, 1, 4)), name="next", inputs=("y",), output="z", fields={"shift": 17}
    )
    made = program(first, second, shape=(4, 4, 2))
    proof = prove(made, input_range=(0, 50))
    images = RNG.integers(0, 51, (50, 4, 4, 2)).astype(np.int8)
    taps = npusim.simulate(made, images, taps=["conv:output", "next"]).taps
    for tensor, codes in (("y", taps["conv"]["output"]), ("z", taps["next"]["output"])):
        assert Interval(int(codes.min()), int(codes.max())).within(proof.codes[tensor])
    sums = taps["next"]["accumulator"].reshape(-1, 3)
    bounds = proof.step("next").reachable
    assert (bounds.low(Moment.FINAL) <= sums.min(axis=0)).all()
    assert (sums.max(axis=0) <= bounds.high(Moment.FINAL)).all()


def test_narrow_accumulators_overflow_on_the_witness() -> None:
    weights = np.zeros((3, 3, 3, 4), np.int64)
    weights[0], weights[1], weights[2, 0] = 127, 20, 3
    made = program(conv(weights), shape=(4, 4, 4), datapath=NARROW)
    report = prove(made)
    proof = report.step("conv")
    assert report.overflow_possible
    assert proof.reachable.bits(Moment.PREFIX).tolist() == [21, 18, 14]
    assert proof.headroom == -3
    assert [proof.overflowing(bits) for bits in (21, 20, 18, 17, 14, 13)] == [0, 1, 1, 2, 2, 3]
    widths = list(proof.narrower())
    assert (widths[0], widths[-1]) == ((18, 1), (13, 3))
    made_replay = replay(made, proof)
    result = npusim.simulate(made_replay.program, made_replay.images, taps=["conv"], statistics=True)
    assert result.statistics is not None
    assert result.statistics["conv"].overflows >= 2
    accumulators = result.taps["conv"]["accumulator"]
    assert (accumulators.min(), accumulators.max()) == (-(1 << 17), (1 << 17) - 1)
    assert not prove(made, input_range=(-10, 10)).overflow_possible


def test_wrapping_accumulators_need_their_final_values_to_fit_only() -> None:
    step = conv([[100] * 16 + [-100] * 16], operation="dense")
    for datapath, possible in ((NARROW, True), (WRAPS, False)):
        made = program(step, shape=(32,), datapath=datapath)
        report = prove(made, input_range=(100, 127))
        assert report.step("conv").reachable.hull(Moment.PREFIX).high == 127 * 1600
        assert report.step("conv").reachable.hull(Moment.FINAL).high == 27 * 1600
        assert report.overflow_possible is possible


def test_a_tree_can_overflow_before_the_accumulator() -> None:
    tree = change_datapath(WES, {"mac.tree": {"bits": 16, "overflow": "saturate"}}, "tree")
    report = prove(program(conv([[100] * 16], operation="dense"), shape=(16,), datapath=tree))
    assert report.step("conv").headroom > 0
    assert report.overflow_possible


def test_average_pools_are_proven_too() -> None:
    step = AveragePoolStep(
        name="pool",
        inputs=("x",),
        output="y",
        kernel=(2, 2),
        padding=((1, 0), (1, 0)),
        x_zero=-128,
        counts=np.array([1, 2, 4]),
        multipliers=np.array([32768, 32768, 32768]),
        fields={"shift": 17, "y_zero": -128, "low": -128, "high": 127},
    )
    x = TensorType(shape=(3, 3, 2), bits=8)
    tensors = {"x": x, "y": step.output_type([x], WES)}
    made = Program(
        name="pools", input_names=("x",), output_names=("y",), tensors=tensors, steps=(step,), datapath=WES
    )
    proof = prove(made).step("pool")
    assert proof.any_codes.hull(Moment.FINAL) == Interval(0, 4 * 255)
    shown = replay(made, proof)
    sums = npusim.simulate(shown.program, shown.images, taps=["pool"]).taps["pool"]["accumulator"]
    assert (sums.min(), sums.max()) == (0, 4 * 255)


def test_products_of_computed_matrices_are_proven_too() -> None:
    step = MatmulStep(
        name="product",
        inputs=("a", "b"),
        output="y",
        operand_fields=({"x_zero": -128}, {"x_zero": 3}),
        fields={"multiplier": 32768, "shift": 25, "y_zero": 0, "low": -128, "high": 127},
    )
    shapes = {"a": (1, 2, 40), "b": (1, 40, 3)}
    tensors = {name: TensorType(shape=shape, bits=8) for name, shape in shapes.items()}
    tensors["y"] = step.output_type([tensors["a"], tensors["b"]], WES)
    made = Program(
        name="m", input_names=("a", "b"), output_names=("y",), tensors=tensors, steps=(step,), datapath=WES
    )
    proof = prove(made).step("product")
    ends = Interval(40 * 255 * -131, 40 * 255 * 124)
    assert proof.reachable.hull(Moment.FINAL) == proof.reachable.hull(Moment.PREFIX) == ends
    extremes = {"a": np.full((2, 1, 2, 40), 127), "b": np.full((2, 1, 40, 3), 127)}
    extremes["b"][1] = -128
    sums = npusim.simulate(made, extremes, taps=["product:accumulator"]).taps["product"]["accumulator"]
    assert (sums.min(), sums.max()) == (ends.low, ends.high)
    assert proof.reachable.hull(Moment.FINAL).low < 0 < proof.reachable.hull(Moment.FINAL).high
    shown = replay(made, proof)
    sums = npusim.simulate(shown.program, shown.images, taps=["product:accumulator"]).taps["product"]
    for image, one in zip(sums["accumulator"], shown.witnesses, strict=True):
        assert (image == one.value).all()
    assert [one.value for one in shown.witnesses] == [ends.low, ends.high]
    itself = step.replace(inputs=("a", "a"))
    square = made.replace(
        steps=(itself,),
        input_names=("a",),
        tensors={"a": tensors["a"].replace(shape=(1, 3, 3)), "y": tensors["y"].replace(shape=(1, 3, 3))},
    )
    with pytest.raises(InputError, match="with itself"):
        replay(square, prove(square).step("product"))


def test_rescales_are_proven_on_every_reachable_accumulator() -> None:
    fields = {"inverse_shift": np.array([0, 3, 3]), "shift": 18}
    made = program(conv(RNG.integers(-50, 50, (3, 1, 1, 4)), fields=fields), shape=(2, 2, 4))
    report = prove(made)
    (found,) = prove_rescales(made, report)
    assert (found.columns, found.not_monotone, found.first_wrong) == (2, 0, None)
    assert found.accumulators > 10_000


def test_user_mistakes_are_told() -> None:
    made = program(conv([[[[1]]]], [1 << 20]), shape=(1, 1, 1))
    with pytest.raises(InputError, match=r"-129\.\.5"):
        prove(made, input_range=(-129, 5))
    with pytest.raises(InputError, match=r"5\.\.4"):
        prove(made, input_range=(5, 4))
    with pytest.raises(InputError, match="bias"):
        prove(made, datapath=NARROW)
    with pytest.raises(InputError, match="no step"):
        prove(made).step("other")
    with pytest.raises(InputError, match="the biases of conv were made for another MAC"):
        prove(made, datapath=load_datapath("wes_npu_subtract"))
    assert prove(made, datapath=load_datapath("wes_npu_floor")).datapath == "wes_npu_floor"
