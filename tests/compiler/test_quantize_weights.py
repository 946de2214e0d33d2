"""quantize_weights: shifts, codes, the bias guard, SQuant (algorithms.md 1.5, 3.2, 7.3, 8.4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import npusim
from npusim.compiler.passes.quantize_weights import QuantizeWeights, shift_scaler
from npusim.compiler.squant import squant
from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.layers.conv2d import Conv2d
from npusim.quantization import Quantization, QuantizedWeights
from npusim.spec.interval import Interval
from tests.compiler.networks import WES, images, network, some, state

PER_CHANNEL = load_datapath("wes_npu_per_channel")
X = Quantization(0.02, -5)
RANGE = st.sampled_from([0.0, 1.0, 2.0**-15, 2.0**-16, np.nextafter(1.0, 0), np.nextafter(2.0**-3, 1)])


def quantize(
    weights: npt.NDArray[Any],
    bias: npt.NDArray[Any] | None = None,
    datapath: Datapath = WES,
    x: Quantization = X,
    **settings: Any,
) -> tuple[QuantizedWeights, tuple[str, ...]]:
    layer = Conv2d(name="c", inputs=("x",), weights=weights, bias=bias)
    net = network([layer], ["c"], shape=(4, 4, weights.shape[3]))
    known = {"x": x, "c": Quantization(0.05, 3)}
    after = QuantizeWeights(**{"scheme": "shift_scaler", **settings}).run(
        state(net, datapath, quantization=known)
    )
    return after.weights["c"], tuple(note for note in after.notes if "shifts 0.." not in note)


@given(st.lists(RANGE | st.floats(0, 1e6), min_size=1, max_size=8), st.integers(0, 15))
def test_the_shift_is_the_greatest_that_fits(values: list[float], limit: int) -> None:
    ranges = np.array(values)
    whole = ranges.max()
    for r, k in zip(ranges, shift_scaler(ranges, limit), strict=True):
        assert 0 <= k <= limit
        assert r * 2.0**k <= whole
        assert (r == 0 and k == 0) or k == limit or r * 2.0 ** (int(k) + 1) > whole


@settings(max_examples=40)
@given(
    st.integers(0, 10**6), st.floats(-12, 12), st.sampled_from(["layer_wise", "per_channel", "shift_scaler"])
)
def test_codes_stand_for_weights_to_half_a_unit(seed: int, spread: float, scheme: str) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(6, 2, 2, 3)) * np.exp2(rng.uniform(-1, 1, (6, 1, 1, 1)) * spread)
    datapath = PER_CHANNEL if scheme == "per_channel" else WES
    made, notes = quantize(weights, datapath=datapath, scheme=scheme)
    assert not any("bias guard" in note for note in notes)
    assert made.codes.dtype == np.int8
    assert np.abs(made.codes.astype(int)).max() == 127
    unit = np.array([float(made.channel_scale(o)) for o in range(6)]).reshape(-1, 1, 1, 1)
    assert np.all(np.abs(made.dequantized() - weights) <= unit * 0.5 * (1 + 1e-12))
    if scheme != "shift_scaler":
        assert not made.shifts.any()
    else:
        greatest = np.abs(made.codes.astype(int)).reshape(6, -1).max(axis=1)
        assert np.all((greatest >= 63) | (made.shifts == 15))


def test_equal_ranges_are_layer_wise_bit_for_bit() -> None:
    weights = some(5, 3, 3, 3)
    weights /= np.abs(weights).reshape(5, -1).max(axis=1).reshape(-1, 1, 1, 1)
    net = network([Conv2d(name="c", inputs=("x",), weights=weights, bias=some(5))], ["c"])
    layerwise, wes = (npusim.compile(net, WES, recipe, images()) for recipe in ("layerwise", "wes"))
    assert layerwise.steps == wes.steps
    assert not wes.steps[0].model_dump()["fields"]["inverse_shift"].any()


def test_shifts_can_be_limited_below_the_field() -> None:
    weights = some(3, 1, 1, 4) * np.array([1, 2.0**-5, 2.0**-12]).reshape(-1, 1, 1, 1)
    free, limited = quantize(weights)[0].shifts, quantize(weights, max_shift=4)[0].shifts
    np.testing.assert_array_equal(limited, np.minimum(free, 4))
    narrow = load_datapath("wes_npu_inverse3")
    np.testing.assert_array_equal(quantize(weights, datapath=narrow)[0].shifts, np.minimum(free, 7))
    assert free.max() > 7


def test_layers_of_nothing_but_zeros_keep_their_bias() -> None:
    bias = np.array([0.7, -0.3, 0.001, 0.0])
    for scheme, datapath in (("shift_scaler", WES), ("per_channel", PER_CHANNEL), ("layer_wise", WES)):
        made, _ = quantize(np.zeros((4, 2, 2, 3)), bias, datapath, scheme=scheme)
        assert not made.codes.any()
        assert not made.shifts.any()
        unit = 0.02 * float(made.channel_scale(0))
        assert 0 < unit <= 0.05 / 8  # biases are resolved far below a step of the output


def test_channels_of_zeros_have_no_shift_and_no_scale_of_their_own() -> None:
    weights = some(3, 2, 2, 3) * 1e-3
    weights[1] = 0
    assert quantize(weights)[0].shifts[1] == 0
    made, _ = quantize(weights, datapath=PER_CHANNEL, scheme="per_channel")
    assert made.scales[1] == max(made.scales[0], made.scales[2])


def test_per_channel_needs_a_multiplier_per_channel() -> None:
    with pytest.raises(InputError) as caught:
        quantize(some(2, 1, 1, 3), scheme="per_channel")
    assert (caught.value.key, caught.value.found) == ("fields.multiplier.per", "layer")


def test_a_range_is_needed_first() -> None:
    net = network([Conv2d(name="c", inputs=("x",), weights=some(2, 1, 1, 3))], ["c"])
    with pytest.raises(InputError, match="activation_ranges first"):
        QuantizeWeights(scheme="layer_wise").run(state(net))


NARROW = change_datapath(WES, {"mac.accumulator.bits": 20, "mac.bias.bits": 20}, "narrow")


def folded_bias(made: QuantizedWeights, bias: npt.NDArray[Any], x: Quantization) -> list[int]:
    """What stands in the bias register, exactly."""
    from fractions import Fraction

    sums = made.codes.reshape(made.outputs, -1).sum(axis=1, dtype=np.int64)
    unit = [Fraction(x.scale) * made.channel_scale(o) for o in range(made.outputs)]
    return [
        round(Fraction(float(b)) / u) - x.zero_point * int(s)
        for b, u, s in zip(bias, unit, sums, strict=True)
    ]


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.lists(st.sampled_from([0.0, 1e-3, 1.0, -40.0, 1e4, -1e9, 1e30]), min_size=4, max_size=4),
    st.sampled_from([WES, NARROW]),
    st.sampled_from(["shift_scaler", "layer_wise"]),
    st.integers(-128, 127),
)
def test_biases_always_fit_with_the_worst_sum(
    seed: int, biases: list[float], datapath: Datapath, scheme: str, zero: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(4, 2, 2, 3)) * np.exp2(rng.uniform(-12, 0, (4, 1, 1, 1)))
    bias, x = np.array(biases), Quantization(0.02, zero)
    made, notes = quantize(weights, bias, datapath, x, scheme=scheme)
    codes = np.abs(made.codes.reshape(4, -1).astype(np.int64)).sum(axis=1)
    register = Interval.of(datapath.mac.accumulator.register)
    for o, code in enumerate(folded_bias(made, bias, x)):
        reach = int(codes[o]) * 128
        assert code - reach in register
        assert code + reach in register
    unguarded, _ = quantize(weights, None, datapath, x, scheme=scheme)
    changed = bool((unguarded.shifts != made.shifts).any() or unguarded.scales[0] != made.scales[0])
    assert changed == any("bias guard" in note for note in notes)


def test_the_guard_lowers_shifts_before_it_raises_the_scale() -> None:
    weights = np.full((2, 1, 1, 3), 1.0)
    weights[1] = 2.0**-10
    x = Quantization(1.0, 0)
    free = quantize(weights, np.zeros(2), x=x)[0]
    assert free.shifts.tolist() == [0, 10]
    unit = float(free.channel_scale(1))
    lowered, notes = quantize(weights, np.array([0.0, unit * 2**33]), x=x)
    assert lowered.scales == free.scales
    assert 0 < lowered.shifts[1] < 10
    assert lowered.shifts[0] == 0
    assert "the bias guard changed 1 channels" in notes
    raised, _ = quantize(weights, np.array([0.0, unit * 2**45]), x=x)
    assert raised.shifts.tolist() == [0, 0]
    assert raised.scales[0] > free.scales[0]


def test_the_guard_lowers_no_more_than_it_must() -> None:
    """One shift more and the bias with the worst sum would leave the register."""
    weights = np.full((2, 1, 1, 3), 1.0)
    weights[1] = 2.0**-10
    x = Quantization(1.0, 0)
    unit = float(quantize(weights, np.zeros(2), x=x)[0].channel_scale(1))
    bias = np.array([0.0, unit * 2**33])
    made, _ = quantize(weights, bias, x=x)
    finer = QuantizedWeights(made.codes, made.scales, made.shifts + np.array([0, 1]))
    assert folded_bias(finer, bias, x)[1] + 3 * 127 * 128 > 2**31 - 1


SCALED = arrays(
    np.float64, st.sampled_from([(3, 3, 3, 4), (2, 1, 1, 9), (4, 2, 3, 1)]), elements=st.floats(-126, 126)
)


@settings(max_examples=60)
@given(SCALED)
def test_squant_keeps_its_invariants(scaled: npt.NDArray[Any]) -> None:
    codes = squant(scaled, np.rint(scaled), 127)
    np.testing.assert_array_equal(codes, np.rint(codes))
    errors = codes - scaled
    assert np.abs(errors).max() < 1 + 1e-9
    assert np.abs(errors.sum(axis=(1, 2))).max() < 1 + 1e-6  # kernels
    assert np.abs(errors.sum(axis=(1, 2, 3))).max() <= 0.5 + 1e-6  # channels


@given(arrays(np.float64, (3, 40), elements=st.floats(-126, 126)))
def test_squant_of_dense_layers(scaled: npt.NDArray[Any]) -> None:
    errors = squant(scaled, np.rint(scaled), 127) - scaled
    assert np.abs(errors).max() < 1 + 1e-9
    assert np.abs(errors.sum(axis=1)).max() <= 0.5 + 1e-6


def test_squant_stays_inside_the_codes() -> None:
    scaled = np.full((1, 3, 3, 1), 126.51)
    scaled[0, 0, 0, 0] = 127.0
    codes = squant(scaled, np.minimum(np.rint(scaled), 127), 127)
    assert codes.max() <= 127
    assert abs((codes - scaled).sum()) <= 0.5


def test_squant_takes_the_mean_shift_away() -> None:
    weights = some(4, 3, 3, 16)
    sums = {}
    for rounding in ("nearest", "squant"):
        made, _ = quantize(weights, rounding=rounding)
        unit = np.array([float(made.channel_scale(o)) for o in range(4)])
        sums[rounding] = np.abs((made.dequantized() - weights).sum(axis=(1, 2, 3)) / unit).max()
    assert sums["squant"] <= 0.5 + 1e-6 < sums["nearest"]


def test_a_searched_scale_never_errs_more() -> None:
    rng = np.random.default_rng(9)
    weights = rng.normal(0, 1, (64, 3, 3, 1)) * np.exp(rng.normal(0, 1.3, (64, 1, 1, 1)))

    def error(candidates: int) -> float:
        made, _ = quantize(weights, scale_candidates=candidates)
        return float(np.square(made.dequantized() - weights).sum())

    errors = [error(candidates) for candidates in (1, 2, 4, 16)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0]
