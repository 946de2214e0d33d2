"""REx: error bounds, what a budget buys, programs bit for bit, and what a datapath refuses."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import npusim
from npusim import reference
from npusim.analysis import prove
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.fine_tune_bias import FineTuneBias
from npusim.compiler.passes.iterative_bias_correction import IterativeBiasCorrection
from npusim.compiler.passes.lower import Lower
from npusim.compiler.passes.quantize_weights import QuantizeWeights, Scheme
from npusim.compiler.passes.residual_expansion import Recursion, ResidualExpansion, RowScore
from npusim.compiler.recipe import Recipe, load_recipe
from npusim.compiler.residuals import digit_orders, residual_orders, with_rows
from npusim.compiler.row_budget import Offer, choose_rows
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.input_codes import to_codes
from npusim.layers.conv2d import Conv2d
from npusim.layers.conv2d_transpose import Conv2dTranspose
from npusim.layers.dense import Dense
from npusim.layers.flatten import Flatten
from npusim.network import Network
from npusim.quantization import QuantizedWeights
from npusim.steps.accumulate import AccumulateStep
from tests.compiler.networks import images, network, residual, some, state
from tests.simulator.spec_network import spec_network

REX = load_datapath("wes_npu_rex")
FORMS = ["wes_npu_rex", "wes_npu_rex_multipliers"]
WEIGHTS = arrays(np.float64, (3, 5), elements=st.floats(-1, 1, width=32)).filter(np.any)
BITS = st.integers(2, 8)


def first_order(weights: np.ndarray, bits: int) -> QuantizedWeights:
    """One scale, shifts of the channels that need no more than half of it."""
    n = 2 ** (bits - 1) - 1
    ranges = np.abs(weights).max(axis=1)
    shifts = np.where((ranges > 0) & (ranges <= ranges.max() / 4), 2, 0)
    scale = ranges.max() / n
    codes = np.rint(np.ldexp(weights, shifts[:, None]) / scale).astype(np.int8)
    return QuantizedWeights(codes, np.array([scale]), shifts)


def errors(weights: np.ndarray, first: QuantizedWeights, residuals: list[Any]) -> np.ndarray:
    """By order, the exact distance of every weight from the sum of that many orders, in units of a code of
    the first order."""
    made = []
    for count in range(len(residuals) + 1):
        left = np.array([[Fraction(w) for w in row] for row in weights.tolist()], object)
        for order in [first, *residuals[:count]]:
            for o, row in enumerate(getattr(order, "rows", range(len(weights)))):
                worth = Fraction(float(order.scales[0])) / 2 ** int(first.shifts[row])
                left[row] -= [worth * int(code) for code in order.codes[o]]
        units = np.array([Fraction(float(first.scales[0])) / 2 ** int(k) for k in first.shifts], object)
        made.append(np.abs(left) / units[:, None])
    return np.array(made)


@settings(max_examples=60)
@given(WEIGHTS, BITS, st.integers(2, 5))
def test_error_bound_with_a_multiplier_for_each_order(weights: np.ndarray, bits: int, orders: int) -> None:
    first = first_order(weights, bits)
    n = 2 ** (bits - 1) - 1
    found = list(residual_orders(weights, first, n, [None] * (orders - 1)))
    for k, error in enumerate(errors(weights, first, found)):
        # the bound of order k + 1, and what float64 scales cost
        assert error.max() <= Fraction(1, 2) / (2**bits - 2) ** k + Fraction(1, 2**50)


@settings(max_examples=60)
@given(WEIGHTS, BITS, st.integers(2, 5))
def test_error_bound_in_one_accumulator(weights: np.ndarray, bits: int, orders: int) -> None:
    first = first_order(weights, bits)
    n = 2 ** (bits - 1) - 1
    ratios = ResidualExpansion()._ratios(n, orders)
    found = list(residual_orders(weights, first, n, [*ratios]))
    bound = Fraction(1, 2 ** ((bits - 1) * (orders - 1) + 1))
    assert errors(weights, first, found)[-1].max() <= bound + Fraction(1, 2**50)
    for residual_order, total in zip(found, np.cumsum(ratios), strict=False):
        assert residual_order.scales[0] == first.scales[0] / 2.0**total
        assert np.abs(residual_order.codes.astype(int)).max() <= n


@settings(max_examples=60)
@given(WEIGHTS, BITS, st.integers(2, 4))
def test_error_bound_of_digits(weights: np.ndarray, bits: int, orders: int) -> None:
    first = first_order(weights, bits)
    found = digit_orders(weights, first, bits, orders)
    made = errors(weights, found, list(found.residuals))
    for k, error in enumerate(made[:-1]):  # half a code, and what rounding for the orders behind it moves
        assert error.max() <= Fraction(1, 2**bits) ** k * (Fraction(1, 2) + Fraction(1, 2**bits))
    assert made[-1].max() <= Fraction(1, 2 * 2 ** (bits * (orders - 1))) + Fraction(1, 2**50)
    assert np.abs(found.codes.astype(int)).max() <= 2 ** (bits - 1) - 1
    for order in found.residuals:
        assert order.codes.min() >= -(2 ** (bits - 1))
        assert order.codes.max() < 2 ** (bits - 1)
    assert found.scales[0] <= first.scales[0]


@settings(max_examples=60)
@given(WEIGHTS, BITS, st.integers(1, 8) | st.none())
def test_no_order_makes_any_weight_worse(weights: np.ndarray, bits: int, ratio: int | None) -> None:
    first = first_order(weights, bits)
    found = list(residual_orders(weights, first, 2 ** (bits - 1) - 1, [ratio] * 4))
    made = errors(weights, first, found)
    assert (made[1:] <= made[:-1] + Fraction(1, 2**50)).all()


@given(WEIGHTS, BITS)
def test_what_all_orders_stand_for(weights: np.ndarray, bits: int) -> None:
    first = first_order(weights, bits)
    found = list(residual_orders(weights, first, 2 ** (bits - 1) - 1, [bits] * 2))
    some_rows = with_rows(found, [np.array([0, 2]), np.array([2])][: len(found)])
    whole = QuantizedWeights(first.codes, first.scales, first.shifts, tuple(some_rows))
    off = np.abs(whole.dequantized() - weights) / first.scales[0] * 2.0 ** first.shifts[:, None]
    np.testing.assert_allclose(off, errors(weights, first, some_rows)[-1].astype(float), atol=1e-9)


GAINS = arrays(np.float64, (2, 4), elements=st.floats(0, 10))


@given(GAINS, GAINS, st.floats(0, 60), st.floats(0, 60))
def test_a_larger_budget_buys_all_that_a_smaller_one_does(
    a: np.ndarray, b: np.ndarray, one: float, two: float
) -> None:
    offers = {"a": Offer(a, 5.0), "b": Offer(b, 3.0)}
    (small, less), (large, more) = (choose_rows(offers, budget) for budget in sorted([one, two]))
    assert less <= min(one, two)
    assert more <= max(one, two)
    for name in offers:
        for few, many in zip(small[name], large[name], strict=True):
            assert set(few.tolist()) <= set(many.tolist())
        assert set(large[name][1].tolist()) <= set(large[name][0].tolist())
    assert less == sum(5.0 if name == "a" else 3.0 for name in offers for rows in small[name] for _ in rows)


def recipe(*more: Any, bits: int = 4, **wanted: Any) -> Recipe:
    passes = [p for p in load_recipe("rex").passes if p.kind not in {"lower", "residual_expansion"}]
    passes = [p.replace(bits=bits) if isinstance(p, QuantizeWeights) else p for p in passes]
    return Recipe(name="r", title="t", passes=(*passes, ResidualExpansion(**wanted), Lower(), *more))


def upsampling() -> Network:
    """A strided convolution, one that is transposed and has phases, a classifier."""
    return network(
        [
            Conv2d(name="down", inputs=("x",), weights=some(4, 3, 3, 3), bias=some(4), stride=(2, 2)),
            Conv2dTranspose(name="up", inputs=("down",), weights=some(3, 3, 3, 4, seed=5), stride=(2, 2)),
            Flatten(name="flat", inputs=("up",)),
            Dense(name="head", inputs=("flat",), weights=some(3, 75, seed=9), bias=some(3)),
        ],
        ["head"],
    )


@pytest.mark.parametrize("datapath", FORMS)
@pytest.mark.parametrize("make", [residual, upsampling])
@pytest.mark.parametrize("wanted", [{"orders": 3}, {"orders": 2, "budget": 0.4}], ids=["whole", "budget"])
def test_a_whole_program_equals_the_spec(datapath: str, make: Any, wanted: Any) -> None:
    program = npusim.compile(make(), datapath, recipe(**wanted), images(8))
    codes = to_codes(program, images(2))
    taps = [f"{step.name}:output" for step in program.steps]
    result = npusim.simulate(program, images(2), taps=taps, statistics=True)
    for image in range(2):
        expected = spec_network(program, {name: batch[image] for name, batch in codes.items()})
        for step in program.steps:
            found = result.taps[step.name]["output"][image]
            assert found.tolist() == expected.tensors[step.output].tolist(), step.name
    assert result.statistics is not None
    assert sum(found.macs for found in result.statistics.values()) == program.macs


@pytest.mark.parametrize("datapath", FORMS)
def test_answers_come_closer_order_by_order(datapath: str) -> None:
    real = reference.run(residual(), images(16))["head"]
    sizes = []
    for orders in (1, 2, 3):
        program = npusim.compile(residual(), datapath, recipe(orders=orders), images(16))
        sizes.append(float(np.square(npusim.simulate(program, images(16)).dequantized["head"] - real).mean()))
    assert max(sizes[1:]) < sizes[0] / 4  # from there on 8-bit activations err more


@pytest.mark.parametrize("datapath", FORMS)
@pytest.mark.parametrize("recursion", Recursion)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_come_closer_order_by_order(datapath: str, recursion: Recursion, bits: int) -> None:
    coded = quantized(upsampling(), load_datapath(datapath), bits)
    weights = {layer.name: layer.weights for layer in upsampling().layers if hasattr(layer, "weights")}
    before = dict.fromkeys(weights, np.inf)
    for orders in (1, 2, 3) if bits < 8 else (1, 2):  # 24-bit weights leave a 32-bit accumulator
        made = ResidualExpansion(orders=orders, recursion=recursion).run(coded).weights
        after = {name: np.square(made[name].dequantized() - weights[name]).sum() for name in weights}
        assert all(after[name] < before[name] / 2 for name in weights)
        before = after


@pytest.mark.parametrize("score", RowScore)
def test_a_budget_is_kept_and_costs_are_macs(score: RowScore) -> None:
    first = npusim.compile(residual(), "wes_npu", recipe="wes", calibration=images(8)).macs
    macs = []
    for budget in (0.0, 0.4, 1.0):
        program = npusim.compile(residual(), REX, recipe(budget=budget, score=score), images(8))
        macs.append(program.macs)
        assert (1 + budget - 0.2) * first <= program.macs <= (1 + budget) * first
    assert macs[0] < macs[1] < macs[2]
    assert (macs[0], macs[2]) == (first, 2 * first)


def quantized(net: Network, datapath: npusim.Datapath = REX, bits: int = 4) -> Any:
    ranges = ActivationRanges(method="min_max").run(
        state(net, datapath, calibration={"x": images(8) / 127.5 - 1})
    )
    return QuantizeWeights(scheme=Scheme.SHIFT_SCALER, bits=bits).run(ranges)


def test_single_layers_have_orders_of_their_own() -> None:
    made = ResidualExpansion(orders=2, layers={"down": 1, "head": 3}).run(quantized(upsampling()))
    assert {name: len(found.orders) for name, found in made.weights.items()} == {
        "down": 1,
        "up": 2,
        "head": 3,
    }


def test_residuals_are_as_wide_as_the_first_order() -> None:
    made = ResidualExpansion(orders=3).run(quantized(upsampling(), bits=3))
    for found in made.weights.values():
        assert all(np.abs(order.codes + 0.5).max() <= 3.5 for order in found.orders)


def test_orders_that_do_not_fit_the_accumulator_are_left_out_and_told() -> None:
    narrow = change_datapath(REX, {"mac.accumulator.bits": 20, "mac.bias.bits": 20}, "narrow")
    made = ResidualExpansion(orders=3).run(quantized(upsampling(), narrow))
    assert len(made.weights["head"].orders) == 2
    assert "head 2" in made.notes[-1]
    assert len(ResidualExpansion(orders=3).run(quantized(upsampling())).weights["head"].orders) == 3
    program = Lower().run(made).program
    assert not prove(program).overflow_possible


@pytest.mark.parametrize("datapath", FORMS)
def test_iterative_bias_correction_sees_whole_sums(datapath: str) -> None:
    """The layer's float mean, to half a unit of the bias it has."""
    net = network([Dense(name="head", inputs=("x",), weights=some(3, 5), bias=some(3))], ["head"], shape=(5,))
    data = np.random.default_rng(4).normal(size=(64, 5))
    ranges = ActivationRanges(method="min_max").run(
        state(net, load_datapath(datapath), calibration={"x": data})
    )
    coded = QuantizeWeights(scheme=Scheme.LAYER_WISE, bits=3).run(ranges)
    made = Lower().run(ResidualExpansion(orders=2).run(coded))
    program = IterativeBiasCorrection(standard_errors=0).run(made).program
    assert program is not None
    passes = [step for step in program.steps if isinstance(step, AccumulateStep)]
    result = npusim.simulate(program, data, taps=[f"{step.name}:output" for step in passes])
    worths = [program.real.accumulators[step.name] for step in passes]
    parts = [result.taps[step.name]["output"] * worth for step, worth in zip(passes, worths, strict=True)]
    sums = parts[-1] if passes[-1].resumes else sum(parts)
    wanted = (data @ some(3, 5).T + some(3)).mean(axis=0)
    unit = worths[-1 if passes[-1].resumes else 0]
    assert (np.abs(sums.mean(axis=0) - wanted) <= 0.5 * unit + 1e-6).all()


@pytest.mark.parametrize(
    ("datapath", "wanted", "key", "allowed"),
    [
        (
            "wes_npu",
            {},
            "mac.expansion",
            "mac.expansion: {orders: 2, form: shared_accumulator, max_shift: 4}",
        ),
        ("wes_npu_rex", {"orders": 5}, "mac.expansion.orders", "5 or more"),
        ("wes_npu_rex", {"ratio_bits": 9}, "mac.expansion.max_shift", "9 or more"),
        ("wes_npu_rex", {"layers": {"nose": 2}}, "layers", "None"),
    ],
)
def test_what_a_datapath_cannot_do_is_refused(datapath: str, wanted: Any, key: str, allowed: str) -> None:
    with pytest.raises(InputError) as caught:
        npusim.compile(residual(), datapath, recipe(**wanted), images(8))
    assert caught.value.key == key
    assert allowed in str(caught.value.allowed)


def test_the_smallest_change_suffices() -> None:
    smallest = {"mac.expansion": {"orders": 2, "form": "shared_accumulator", "max_shift": 4}}
    enough = change_datapath(load_datapath("wes_npu"), smallest, "enough")
    assert npusim.compile(residual(), enough, recipe(), images(8)).macs > 0


def test_biases_of_passes_are_not_tuned() -> None:
    made = Lower().run(ResidualExpansion().run(quantized(upsampling())))
    with pytest.raises(InputError, match="several passes are not tuned"):
        FineTuneBias().run(made)


def test_it_needs_codes() -> None:
    with pytest.raises(InputError, match="run quantize_weights first"):
        ResidualExpansion().run(state(residual(), REX))
