"""activation_ranges: what each method finds, and what becomes of ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim
from npusim.compiler.histogram import BINS, Extremes, Histogram
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.quantizers import Symmetry, quantization_of
from npusim.compiler.recipe import Recipe
from npusim.datapath.model import Codes
from npusim.errors import InputError
from npusim.layers.base import Layer
from npusim.layers.concat import Concat
from npusim.layers.constant import Constant
from npusim.layers.conv2d import Conv2d
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.maximum import Maximum
from npusim.layers.mul import Mul
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.layers.resize import Resize
from npusim.layers.sigmoid import Sigmoid
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from tests.compiler.networks import conv, images, network, norm, residual, some, state

CODES = Interval(-128, 127)
IDENTITY = Conv2d(name="c", inputs=("x",), weights=np.ones((1, 1, 1, 1)))
ONE = network([IDENTITY, IDENTITY.replace(name="d", inputs=("c",))], ["d"], shape=(1, 1000, 1))


def ranges(data: Any, net: Any = ONE, **settings: Any) -> dict[str, tuple[float, float]]:
    calibration = None if data is None else {"x": data}
    return dict(ActivationRanges(**settings).run(state(net, calibration=calibration)).ranges)


VALUES = np.linspace(-1, 3, 2000).reshape(2, 1, 1000, 1)


def test_min_max_are_the_extremes_over_all_batches() -> None:
    found = ranges(VALUES, method="min_max", batch=1)
    assert found == dict.fromkeys(("x", "c", "d"), (-1.0, 3.0))


def test_percentiles_leave_out_so_many_values_on_each_side() -> None:
    found = ranges(VALUES, method="percentile", percentile=90)
    apart = 4 / BINS + 4 / 1999  # a bin and the next value
    assert found["c"] == pytest.approx((-0.6, 2.6), abs=apart)
    assert found["d"] == (-1.0, 3.0)  # the output: by its own method


def test_all_of_a_hundred_percent_are_inside() -> None:
    found = ranges(VALUES, method="percentile", percentile=100)
    assert found["c"] == pytest.approx((-1.0, 3.0), abs=4 / BINS)


@pytest.mark.parametrize("method", ["min_max", "percentile", "mse"])
def test_headroom_moves_both_ends_away_from_zero(method: str) -> None:
    """So many times as far; where no value has been on one side, there still is none."""
    plain, wide = ranges(VALUES, method=method), ranges(VALUES, method=method, headroom=1.5)
    for name, (low, high) in plain.items():
        assert wide[name] == pytest.approx((1.5 * low, 1.5 * high))
    assert ranges(VALUES + 1, method="min_max", headroom=4)["c"] == pytest.approx((0.0, 16.0))


def test_headroom_ends_where_an_activation_function_ends() -> None:
    """A fused ReLU6 that values came near; one they did not; a layer of its own keeps its input's codes."""
    layers: list[Layer] = [
        IDENTITY.replace(clip=(0.0, 6.0)),
        Conv2d(name="d", inputs=("c",), weights=np.full((1, 1, 1, 1), 0.5), clip=(None, 6.0)),
        Relu6(name="e", inputs=("d",)),
    ]
    found = ranges(2 * VALUES, network(layers, ["e"], shape=(1, 1000, 1)), method="min_max", headroom=1.5)
    assert found["x"] == pytest.approx((-3.0, 9.0))
    assert found["c"] == pytest.approx((0.0, 6.0))
    assert found["d"] == pytest.approx((0.0, 4.5))


def test_one_outlier_is_clipped_by_mse_where_it_pays() -> None:
    """1999 values up to 1, one of 30: clipping it costs (30 - t)**2 once, keeping it S**2 / 12 each."""
    values = VALUES / 3
    values[1, 0, 7, 0] = 30.0
    (low, high) = ranges(values, method="mse")["c"]
    assert ranges(values, method="mse")["d"] == pytest.approx((values.min(), 30.0), rel=1e-6)
    candidates = [quantized_error(values, low, 30.0 * f) for f in np.linspace(0.01, 1, 100)]
    best = 0.30 * (1 + int(np.argmin(candidates)))
    assert high == pytest.approx(best, rel=0.05)
    assert quantized_error(values, low, high) <= 1.02 * min(candidates)


def quantized_error(values: Any, low: float, high: float) -> float:
    step = (high - low) / 255
    steps = np.clip(np.round((values - low) / step), 0, 255)
    return float(((low + step * steps - values) ** 2).sum())


@given(st.integers(2, 16), st.integers(0, 1000))
def test_least_squares_never_errs_more_than_the_extremes_do(bits: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_t(3, 500)
    histogram = Histogram(Extremes(values.min(), values.max()))
    histogram.add(values)
    low, high = histogram.least_squares(1 << bits)
    whole = (min(values.min(), 0.0), max(values.max(), 0.0))
    assert whole[0] <= low <= 0 <= high <= whole[1]
    assert histogram._error((low, high), 1 << bits) <= histogram._error(whole, 1 << bits)


def test_data_free_ranges_are_mean_and_sigmas() -> None:
    net = network([conv("c", "x", 3, 4), norm("bn", "c", 4), Relu(name="r", inputs=("bn",))], ["r"])
    folded = FoldBatchNorm().run(state(net))
    bn = net.layers[1]
    found = ActivationRanges(method="data_free", sigmas=3.0).run(folded).ranges
    low, high = (bn.beta - 3 * np.abs(bn.gamma)).min(), (bn.beta + 3 * np.abs(bn.gamma)).max()  # type: ignore[attr-defined]
    assert found["bn"] == pytest.approx((low, high))
    assert found["r"] == found["bn"]  # a relu left alone keeps codes
    assert found["x"] == (-1.0, 1.0)  # what preprocessing makes of bytes


def test_data_free_is_possible_for_outputs_only() -> None:
    data = np.ones((1, 1, 1000, 1))
    found = ranges(data, method="min_max", output_method="data_free", sigmas=2.0, headroom=3.0)
    assert found["c"] == (1.0, 3.0)
    # A uniform -1..1 input through ones: variance 1/3; there is headroom only where data were seen.
    assert found["d"] == pytest.approx((-2 / np.sqrt(3), 2 / np.sqrt(3)))


def test_without_data_it_says_so_or_refuses() -> None:
    after = ActivationRanges(method="mse").run(state(ONE))
    assert any("no calibration data" in note and "data-free" in note for note in after.notes)
    assert after.ranges == ActivationRanges(method="data_free").run(state(ONE)).ranges
    with pytest.raises(InputError, match="needs calibration data"):
        ActivationRanges(method="mse", without_data="error").run(state(ONE))


def test_data_free_needs_to_know_the_inputs_range() -> None:
    with pytest.raises(InputError) as caught:
        ActivationRanges(method="data_free").run(state(ONE.replace(preprocess=None)))
    assert caught.value.key == "preprocess"


def test_layers_that_copy_codes_share_ranges_through_chains() -> None:
    net = network(
        [
            conv("c", "x", 3, 4),
            MaxPool2d(name="p", inputs=("c",), kernel=(2, 2)),
            Relu(name="r", inputs=("p",)),
            Concat(name="two", inputs=("p", "r")),
        ],
        ["two"],
    )
    found = ActivationRanges(method="min_max").run(state(net, calibration={"x": some(2, 6, 6, 3)}))
    assert found.ranges["r"] == found.ranges["p"] == found.ranges["c"]
    assert found.quantization["r"] == found.quantization["c"]
    assert found.ranges["two"] != found.ranges["c"]


def test_infinite_activations_are_an_error() -> None:
    net = ONE.replace(layers=(IDENTITY.replace(weights=np.full((1, 1, 1, 1), 1e300)), ONE.layers[1]))
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(InputError, match="NaN or infinity"):
        ranges(VALUES, net, method="min_max")


def test_every_tensor_gets_a_range() -> None:
    net = FoldBatchNorm().run(state(residual())).network
    for method in ("min_max", "percentile", "mse", "data_free"):
        after = ActivationRanges(method=method).run(state(net, calibration={"x": some(2, 6, 6, 3)}))
        assert after.quantization.keys() == net.shapes.keys()


def every_kind_of_step() -> Any:
    net = residual()
    head = net.layers[-1].replace(inputs=("all",))
    more: list[Layer] = [
        Sigmoid(name="gate", inputs=("pool",)),
        Mul(name="gated", inputs=("gate", "pool")),
        Constant(name="constant", inputs=(), values=some(3, 3, 8) * 9),
        Maximum(name="greater", inputs=("gated", "constant")),
        Resize(name="resized", inputs=("greater",), size=(5, 5), interpolation="bilinear"),
        GlobalAvgPool(name="mean_2", inputs=("resized",)),
        Concat(name="all", inputs=("mean", "mean_2")),
        head.replace(weights=some(5, 20)),
    ]
    return net.replace(layers=(*net.layers[:-1], *more))


@pytest.mark.parametrize("bits", [2, 4, 6])
@pytest.mark.parametrize("method", ["min_max", "data_free"])
def test_tensors_use_codes_of_so_many_bits(bits: int, method: str) -> None:
    """Whatever makes them: products, sums, tables, pools, constants; inputs and outputs keep all codes."""
    recipe = {
        "name": "narrow",
        "title": "",
        "passes": [
            {"pass": "fold_batch_norm"},
            {"pass": "fuse_activations"},
            {"pass": "activation_ranges", "method": method, "bits": bits},
            {"pass": "quantize_weights", "scheme": "shift_scaler"},
            {"pass": "lower"},
        ],
    }
    data = images(4)
    program = npusim.compile(every_kind_of_step(), "wes_npu", Recipe.model_validate(recipe), data)
    taps = npusim.simulate(program, data * 3, taps=[f"{step.name}:output" for step in program.steps]).taps
    half = 1 << (bits - 1)
    widest = 0
    for step in program.steps:
        codes = taps[step.name]["output"].astype(np.int64)
        if step.output in program.output_names:
            assert (step.fields["low"], step.fields["high"]) == (-128, 127)  # type: ignore[attr-defined]
            continue
        assert -half <= codes.min() <= codes.max() < half, step.name
        widest = max(widest, codes.max() - codes.min())
    assert widest > half  # they are used
    assert program.real.tensors["x"].scale == pytest.approx(2 / 255)


def test_layers_that_keep_an_inputs_or_outputs_codes_keep_all_of_them() -> None:
    net = network(
        [
            MaxPool2d(name="first", inputs=("x",), kernel=(2, 2)),
            conv("c", "first", 3, 4),
            conv("d", "c", 4, 4),
            MaxPool2d(name="last", inputs=("d",), kernel=(2, 2)),
        ],
        ["last"],
    )
    found = ActivationRanges(method="data_free", bits=4).run(state(net)).quantization
    assert {name: made.codes for name, made in found.items()} == {
        "x": None,
        "first": None,
        "c": Interval(-8, 7),
        "d": None,
        "last": None,
    }
    low, high = ActivationRanges(method="data_free", bits=4).run(state(net)).ranges["c"]
    assert found["c"].scale == pytest.approx((high - low) / 15)


def test_codes_cannot_be_wider_than_the_datapaths() -> None:
    with pytest.raises(InputError, match="narrower") as caught:
        ActivationRanges(method="data_free", bits=9).run(state(ONE))
    assert (caught.value.key, caught.value.allowed) == ("bits", "2..8")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (Codes(bits=8), Interval(-8, 7)),
        (Codes(bits=8, signed=False), Interval(0, 15)),
        (Codes(bits=4, low=-7), Interval(-7, 7)),
        (Codes(bits=3), Interval(-4, 3)),
    ],
)
def test_fewer_codes_lie_in_the_middle_of_the_register(codes: Codes, expected: Interval) -> None:
    assert codes.narrowed(4) == expected


FINITE = st.floats(-1e30, 1e30, allow_subnormal=True)


@given(FINITE, FINITE, st.sampled_from(Symmetry), st.sampled_from([CODES, Interval(0, 255), Interval(-8, 7)]))
def test_every_range_has_a_quantization(a: float, b: float, symmetry: Symmetry, codes: Interval) -> None:
    low, high = sorted((a, b))
    made = quantization_of(low, high, codes, symmetry)
    assert made.scale > 0
    assert made.zero_point in codes
    # Both ends are within half a step (the zero point's rounding) of a code; zero is a code.
    for end in (low, high):
        steps = end / made.scale + made.zero_point
        assert codes.low - 0.5001 <= steps <= codes.high + 0.5001


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 0.0, Quantization(2.0**-20, 0)),
        (3.0, 3.0, Quantization(3 / 255, -128)),
        (-3.0, -3.0, Quantization(3 / 255, 127)),
        (0.0, 5e-324, Quantization(2.0**-20, 0)),
        (-1.0, 1.0, Quantization(2 / 255, 0)),
    ],
)
def test_degenerate_ranges(low: float, high: float, expected: Quantization) -> None:
    assert quantization_of(low, high, CODES, Symmetry.ASYMMETRIC) == expected


def test_symmetric_ranges_have_zero_at_zero() -> None:
    assert quantization_of(-1.0, 3.0, CODES, Symmetry.SYMMETRIC) == Quantization(3 / 127, 0)
