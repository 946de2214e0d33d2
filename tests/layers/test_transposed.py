"""conv2d_transpose: its steps against the convolution of the zero-inserted input, zeros skipped (A6, W2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import npusim
from npusim.datapath import Datapath
from npusim.datapath.load import change_datapath
from npusim.errors import InputError
from npusim.layers.conv2d_transpose import Conv2dTranspose
from npusim.layers.lowering import Lowering
from npusim.program import Program
from npusim.quantization import Quantization, QuantizedWeights
from npusim.spec.convolution import Operands, ZeroPoint, output
from npusim.spec.loop_nest import TransposedWindow, transposed_beats
from npusim.spec.mac import Accumulation
from npusim.spec.pipeline import run
from npusim.steps.base import TensorType
from npusim.steps.mac import MacStep
from tests.layers.cases import X
from tests.steps.one_step import WES
from tests.steps.strategies import codes

Codes = np.ndarray[Any, np.dtype[Any]]
PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
PADS = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)
NARROW = {"mac.accumulator": {"bits": 17, "overflow": "saturate"}, "mac.bias.bits": 17, "mac.lanes": 2}
DATAPATHS = [
    WES,
    change_datapath(WES, NARROW, "narrow"),
    change_datapath(WES, {"mac.zero_point": "subtract"}, "subtract"),
]
QX, QY = Quantization(0.1, -7), Quantization(2.0, 3)


@st.composite
def layers(draw: st.DrawFn) -> tuple[Conv2dTranspose, QuantizedWeights]:
    groups, width = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    weights = np.maximum(draw(codes((groups * 2, *draw(PAIR), width))), -127)
    shifts = np.array(draw(st.lists(st.integers(0, 3), min_size=groups * 2, max_size=groups * 2)))
    quantized = QuantizedWeights(weights, np.array([0.05]), shifts)
    layer = Conv2dTranspose(
        **X,
        weights=quantized.dequantized(),
        bias=np.linspace(-1, 1, groups * 2),
        stride=draw(PAIR),
        dilation=draw(PAIR),
        padding=draw(PADS),
        output_padding=draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
        groups=groups,
    )
    return layer, quantized


def program_of(layer: Conv2dTranspose, weights: QuantizedWeights, x: Codes, datapath: Datapath) -> Program:
    (made,) = layer.output_shapes([x.shape[1:]])
    lowering = Lowering(datapath, {"a": x.shape[1:], "y": made}, {"a": QX, "y": QY}, {"y": weights})
    steps = layer.lower(lowering)
    tensors = {"a": TensorType(shape=x.shape[1:], bits=8)}
    for step in steps:
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
    return Program(
        name="one",
        input_names=("a",),
        output_names=("y",),
        tensors=tensors,
        steps=tuple(steps),
        datapath=datapath,
    )


def spec_accumulator(
    layer: Conv2dTranspose,
    weights: Codes,
    bias: int,
    x: Codes,
    place: tuple[int, int, int],
    datapath: Datapath,
) -> Accumulation:
    """One output by the spec; `bias` without the zero point."""
    row, column, o = place
    window = TransposedWindow(
        (weights.shape[1], weights.shape[2]),
        layer.stride,
        layer.dilation,
        (layer.padding[0][0], layer.padding[1][0]),
    )
    beats = list(transposed_beats(window, (row, column), weights.shape[3], datapath.mac.lanes))
    if datapath.mac.zero_point is ZeroPoint.FOLDED:
        bias -= QX.zero_point * sum(int(weights[(o, *product)]) for beat in beats for product in beat)
    operands = Operands(
        activation=lambda y, z, c: int(x[y, z, c]),
        weight=lambda ky, kx, c: int(weights[o, ky, kx, c]),
        rows=x.shape[0],
        columns=x.shape[1],
        first_channel=o // (len(weights) // layer.groups) * weights.shape[3],
        x_zero=QX.zero_point,
        zero_point=datapath.mac.zero_point,
    )
    return output(operands, window, beats, (row, column), bias, datapath.mac.column)


@settings(max_examples=80, deadline=None)
@given(st.data(), layers(), PAIR, st.sampled_from(DATAPATHS))
def test_equals_the_spec(
    data: st.DataObject, case: tuple[Conv2dTranspose, QuantizedWeights], size: Any, datapath: Datapath
) -> None:
    layer, weights = case
    x = data.draw(codes((1, *size, weights.codes.shape[3] * layer.groups)))
    try:
        layer.output_shapes([x.shape[1:]])
    except InputError:
        assume(False)
    program = program_of(layer, weights, x, datapath)
    result = npusim.simulate(program, x, statistics="prefix")
    fields: Any = next(step.fields for step in program.steps if isinstance(step, MacStep))
    stages = next(step.stages(datapath) for step in program.steps if isinstance(step, MacStep))
    found = result.outputs["y"][0]
    sums = []
    for place in np.ndindex(found.shape):
        o = place[2]
        unit = 0.1 * float(weights.channel_scale(o))
        bias = int(np.rint(float(layer.real_bias[o]) / unit))
        sums.append(spec_accumulator(layer, weights.codes, bias, x[0], place, datapath))
        values = {name: int(v[o]) if np.ndim(v) else int(v) for name, v in fields.items()}
        assert found[place] == run(stages, sums[-1].value, {**values, "activation": 0}).result
    assert result.statistics is not None
    records = [each.accumulator for each in result.statistics.values() if each.accumulator is not None]
    assert sum(record.prefix_overflows or 0 for record in records) == sum(made.overflows for made in sums)
    assert min(record.lowest for record in records) == min(made.lowest for made in sums)


@settings(max_examples=40, deadline=None)
@given(st.data(), layers(), PAIR)
def test_means_what_the_float_layer_means(
    data: st.DataObject, case: tuple[Conv2dTranspose, QuantizedWeights], size: Any
) -> None:
    """The bounds of `test_lowering`: half a step, the multiplier's and the bias' rounding."""
    layer, weights = case
    x = data.draw(codes((1, *size, weights.codes.shape[3] * layer.groups)))
    try:
        layer.output_shapes([x.shape[1:]])
    except InputError:
        assume(False)
    result = npusim.simulate(program_of(layer, weights, x, WES), x).outputs["y"]
    (exact,) = layer.forward([QX.scale * (x.astype(np.float64) - QX.zero_point)])
    inside = np.clip(exact, QY.scale * (-128 - QY.zero_point), QY.scale * (127 - QY.zero_point))
    error = np.abs(QY.scale * (result.astype(np.float64) - QY.zero_point) - inside) / QY.scale
    rounded_bias = QX.scale * 0.05 / QY.scale / 2
    assert np.all(error <= 0.5 + (np.abs(exact) / QY.scale + rounded_bias) * 2.0**-16 + rounded_bias + 1e-9)


def test_skipped_zeros_are_not_multiplied() -> None:
    weights = QuantizedWeights(np.ones((1, 4, 4, 3), np.int8), np.array([0.05]), np.zeros(1, np.int64))
    layer = Conv2dTranspose(**X, weights=weights.dequantized(), stride=(2, 2), padding=((1, 1), (1, 1)))
    program = program_of(layer, weights, np.zeros((1, 8, 8, 3), np.int8), WES)
    assert [step.name for step in program.steps] == [
        *(f"y.phase_{i}_{j}" for i in (0, 1) for j in (0, 1)),
        "y",
    ]
    assert program.macs == 16 * 16 * 2 * 2 * 3


def test_a_stride_of_one_is_one_convolution() -> None:
    weights = QuantizedWeights(np.ones((1, 3, 3, 1), np.int8), np.array([0.05]), np.zeros(1, np.int64))
    layer = Conv2dTranspose(**X, weights=weights.dequantized())
    (step,) = program_of(layer, weights, np.zeros((1, 2, 2, 1), np.int8), WES).steps
    assert isinstance(step, MacStep)
    assert step.padding == ((2, 2), (2, 2))


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_its_sums_are_those_of_its_steps(stride: tuple[int, int]) -> None:
    weights = QuantizedWeights(np.ones((2, 3, 3, 1), np.int8), np.array([0.05]), np.zeros(2, np.int64))
    layer = Conv2dTranspose(**X, weights=weights.dequantized(), stride=stride)
    x = np.zeros((1, 3, 3, 1), np.int8)
    program = program_of(layer, weights, x, WES)
    sums = layer.step_sums(layer.forward([x.astype(np.float64)])[0])
    shapes = {
        step.name: program.tensors[step.output].shape for step in program.steps if isinstance(step, MacStep)
    }
    assert {name: part.shape[1:] for name, part in sums.items()} == shapes
