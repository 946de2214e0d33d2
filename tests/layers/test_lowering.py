"""Lowered layers mean what the float layers mean, within bounds derived here.

Inputs and weights are given as codes and the float layer gets exactly what they stand for, so that
nothing is lost before the layer. What may be lost inside, in steps of the output (S_y):

- the result is rounded once: 1/2;
- a multiplier is rounded to a multiple of 2**-n (n: the shift), and n is such that the greatest
  multiplier of the step is at least 2**15, so each errs by at most 2**-16 of the greatest one: an
  integer v times a multiplier for the real r errs by at most abs(v) * r_max * 2**-16;
- a bias is rounded to half an accumulator unit, which is worth S_x * S_w / 2**k.

Clips at the same bounds on both sides never enlarge an error; a fused bound is itself rounded to
half a step at most, which the first term covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.datapath import Datapath
from npusim.layers.add import Add
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.clip import Clip
from npusim.layers.concat import Concat
from npusim.layers.conv2d import Conv2d
from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.flatten import Flatten
from npusim.layers.global_avg_pool import GlobalAvgPool
from npusim.layers.lowering import Lowering
from npusim.layers.mac_layer import accumulator_worth
from npusim.layers.max_pool2d import MaxPool2d
from npusim.layers.pad import Pad
from npusim.layers.relu import Relu
from npusim.layers.relu6 import Relu6
from npusim.layers.reshape import Reshape
from npusim.quantization import Quantization, QuantizedWeights
from npusim.steps.base import Step
from npusim.steps.clamp import ClampStep
from npusim.steps.concat import ConcatStep
from npusim.steps.fields import Activation
from tests.layers.cases import TWO, X
from tests.steps.one_step import WES, run_step
from tests.steps.strategies import codes

Codes = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

SCALE = st.floats(1e-3, 10.0)
QUANTIZATION = st.builds(Quantization, SCALE, st.integers(-128, 127))
MULTIPLIER_ERROR = 2.0**-16


def real(codes: Codes, quantization: Quantization) -> Floats:
    return quantization.scale * (codes.astype(np.float64) - quantization.zero_point)


class Lowered:
    """A layer run both ways on the same codes."""

    def __init__(
        self,
        layer: Layer,
        inputs: Sequence[Codes],
        quantization: Mapping[str, Quantization],
        weights: QuantizedWeights | None = None,
        datapath: Datapath = WES,
    ) -> None:
        self.y = quantization["y"]
        x = [real(batch, quantization[name]) for batch, name in zip(inputs, layer.inputs, strict=True)]
        (self.float_result,) = layer.forward(x)
        shapes = {name: batch.shape[1:] for name, batch in zip(layer.inputs, inputs, strict=True)}
        shapes["y"] = self.float_result.shape[1:]
        known = {} if weights is None else {layer.name: weights}
        (self.step,) = layer.lower(Lowering(datapath, shapes, quantization, known))
        self.result = run_step(self.step, inputs, datapath)
        self.codes = self.result.outputs["y"]

    @property
    def error(self) -> Floats:
        """In steps of the output, where the float result is kept inside the codes' range."""
        inside = np.clip(self.float_result, real(np.array(-128), self.y), real(np.array(127), self.y))
        error: Floats = np.abs(real(self.codes, self.y) - inside) / self.y.scale
        return error


def within(error: Floats, bound: Floats | float) -> None:
    # Float64 itself: its ulps at a few hundred steps, with room.
    assert np.all(error <= np.asarray(bound) + 1e-9)


def codes_of(weights: Codes, scales: Sequence[float], shifts: Sequence[int]) -> QuantizedWeights:
    return QuantizedWeights(weights, np.array(scales), np.array(shifts, np.int64))


@st.composite
def mac_layers(draw: st.DrawFn) -> tuple[Any, Codes, QuantizedWeights]:
    kind = draw(st.sampled_from([Conv2d, DepthwiseConv2d, Dense]))
    shape = {Conv2d: (4, 2, 3, 3), DepthwiseConv2d: (6, 2, 2, 1), Dense: (4, 5)}[kind]
    weights = np.maximum(draw(codes(shape)), -127)
    shifts = draw(st.lists(st.integers(0, 15), min_size=shape[0], max_size=shape[0]))
    quantized = codes_of(weights, [draw(SCALE)], shifts)
    geometry = {} if kind is Dense else {"stride": (2, 1), "padding": ((1, 0), (1, 2))}
    layer = kind(
        **X,
        weights=quantized.dequantized(),
        bias=np.array(draw(st.lists(st.floats(-0.5, 0.5), min_size=shape[0], max_size=shape[0]))),
        clip=draw(st.sampled_from([None, (0.0, None), (0.0, 6.0)])),
        **geometry,
    )
    x = draw(codes((2, 5) if kind is Dense else (2, 4, 3, 3)))
    return layer, x, quantized


@settings(max_examples=60, deadline=None)
@given(mac_layers(), st.builds(Quantization, st.floats(0.05, 1), st.integers(-128, 127)), QUANTIZATION)
def test_mac_layers(
    case: tuple[Any, Codes, QuantizedWeights], x_quantization: Quantization, y: Quantization
) -> None:
    layer, x, weights = case
    made = Lowered(layer, [x], {"a": x_quantization, "y": y}, weights)
    worth = np.array([float(w) for w in accumulator_worth(x_quantization.scale, weights)])  # type: ignore[arg-type]
    # The accumulator's real value, without clip: abs(v) * r of the derivation.
    (sums,) = layer.replace(clip=None).forward([real(x, x_quantization)])
    rounded_bias = worth / y.scale / 2
    within(made.error, 0.5 + (np.abs(sums) / y.scale + rounded_bias) * MULTIPLIER_ERROR + rounded_bias)


@settings(max_examples=60, deadline=None)
@given(
    codes((2, 2, 2, 3)),
    codes((2, 2, 2, 3)),
    QUANTIZATION,
    QUANTIZATION,
    QUANTIZATION,
    st.sampled_from([None, (0.0, None), (0.0, 6.0), (-1.0, 1.0)]),
)
def test_add(a: Codes, b: Codes, qa: Quantization, qb: Quantization, qy: Quantization, clip: Any) -> None:
    made = Lowered(Add(**TWO, clip=clip), [a, b], {"a": qa, "b": qb, "y": qy})
    greatest = max(qa.scale, qb.scale) / qy.scale
    codes_in = sum(np.abs(codes.astype(int) - q.zero_point) for codes, q in ((a, qa), (b, qb)))
    within(made.error, 0.5 + codes_in * greatest * MULTIPLIER_ERROR)


@settings(max_examples=60, deadline=None)
@given(codes((2, 4, 5, 2)), QUANTIZATION, QUANTIZATION, st.booleans())
def test_average_pools(x: Codes, qx: Quantization, qy: Quantization, count_padding: bool) -> None:
    layers: list[Layer] = [
        AvgPool2d(**X, kernel=(3, 2), stride=(2, 2), padding=((1, 1), (1, 0)), count_padding=count_padding),
        GlobalAvgPool(**X),
        GlobalAvgPool(**X, keep_dims=True),
    ]
    for layer in layers:
        made = Lowered(layer, [x], {"a": qx, "y": qy})
        sums = np.abs(made.result.taps["y"]["accumulator"])
        # The smallest count has the greatest multiplier.
        smallest = int(made.step.model_dump()["counts"].min())
        within(made.error, 0.5 + sums * qx.scale / qy.scale / smallest * MULTIPLIER_ERROR)


@settings(max_examples=40, deadline=None)
@given(codes((2, 2, 2, 3)), codes((2, 2, 2, 1)), QUANTIZATION, QUANTIZATION)
def test_concat(a: Codes, b: Codes, qa: Quantization, qy: Quantization) -> None:
    made = Lowered(Concat(**TWO), [a, b], {"a": qa, "b": qy, "y": qy})
    assert isinstance(made.step, ConcatStep)
    assert made.step.operand_fields[1] is None
    np.testing.assert_array_equal(made.codes[..., 3:], b)
    codes_in = np.abs(a.astype(int) - qa.zero_point)
    within(made.error[..., :3], 0.5 + codes_in * qa.scale / qy.scale * MULTIPLIER_ERROR)


EXACT: list[Layer] = [
    MaxPool2d(**X, kernel=(2, 2), stride=(1, 2), padding=((1, 0), (0, 1))),
    Reshape(**X, shape=(3, -1)),
    Flatten(**X),
    Pad(**X, pads=((1, 0), (0, 1), (0, 0))),
    Relu(**X),
]


@settings(max_examples=20, deadline=None)
@given(codes((2, 3, 4, 2)), QUANTIZATION)
@pytest.mark.parametrize("layer", EXACT, ids=lambda layer: layer.kind)
def test_layers_that_keep_codes_lose_nothing(layer: Layer, x: Codes, quantization: Quantization) -> None:
    assert layer.keeps_codes
    within(Lowered(layer, [x], {"a": quantization, "y": quantization}).error, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    codes((2, 3)),
    QUANTIZATION,
    st.sampled_from([Relu6(**X), Clip(**X, low=-1.5), Clip(**X, low=0.3, high=2)]),
)
def test_standalone_clips_round_their_bounds_only(x: Codes, quantization: Quantization, layer: Layer) -> None:
    within(Lowered(layer, [x], {"a": quantization, "y": quantization}).error, 0.5)


def step_of(layer: Layer, quantization: Quantization) -> Step:
    both = {"a": quantization, "y": quantization}
    (step,) = layer.lower(Lowering(WES, {"a": (4,), "y": (4,)}, both, {}))
    return step


@pytest.mark.parametrize(
    ("layer", "quantization", "low", "high", "activation"),
    [
        (Relu(**X), Quantization(0.1, -3), -3, 127, Activation.LOW),
        # A4: where activation and code range coincide, it is the activation that clips.
        (Relu(**X), Quantization(0.1, -128), -128, 127, Activation.LOW),
        (Relu6(**X), Quantization(6 / 255, -128), -128, 127, Activation.BOTH),
        (Relu6(**X), Quantization(0.04, -128), -128, 22, Activation.BOTH),
        # Six lies beyond the codes: what clips there is the range.
        (Relu6(**X), Quantization(0.01, -128), -128, 127, Activation.LOW),
        (Clip(**X), Quantization(0.01, 0), -128, 127, Activation.NONE),
    ],
)
def test_clips_know_which_bounds_are_theirs(
    layer: Layer, quantization: Quantization, low: int, high: int, activation: Activation
) -> None:
    step = step_of(layer, quantization)
    assert isinstance(step, ClampStep)
    assert (step.low, step.high, step.activation) == (low, high, activation)
