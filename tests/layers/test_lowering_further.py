"""Layers beyond the backbone mean in integers what they mean in float, within bounds derived here.

As in `test_lowering`: the result is rounded once, 1/2; an integer v times a multiplier for the real r
errs by at most ``abs(v) * r_max * 2**-16``. What else may be lost is said at each test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import npusim
from npusim.datapath import Datapath, load_datapath
from npusim.errors import InputError
from npusim.layers.add import Add
from npusim.layers.argmax import Argmax
from npusim.layers.avg_pool2d import AvgPool2d
from npusim.layers.base import Layer
from npusim.layers.broadcasting import BroadcastingLayer
from npusim.layers.gather import Gather
from npusim.layers.l2_normalization import L2Normalization
from npusim.layers.lowering import Lowering
from npusim.layers.matmul import Matmul
from npusim.layers.maximum import Maximum
from npusim.layers.mean import Mean
from npusim.layers.minimum import Minimum
from npusim.layers.mul import Mul
from npusim.layers.prelu import Prelu
from npusim.layers.resize import Interpolation, Resize
from npusim.layers.softmax import Softmax
from npusim.layers.sub import Sub
from npusim.layers.sum import Sum
from npusim.program import Program
from npusim.quantization import Quantization
from npusim.resampling import Coordinates
from npusim.steps.base import Step, TensorType
from tests.layers.cases import TWO, X
from tests.layers.test_lowering import MULTIPLIER_ERROR, QUANTIZATION, SCALE, Codes, Floats, real, within
from tests.steps.one_step import WES
from tests.steps.strategies import codes

CLIP = st.sampled_from([None, (0.0, None), (0.0, 6.0), (-1.0, 1.0)])
BROADCAST = st.sampled_from([((2, 2, 3), (2, 2, 3)), ((2, 2, 3), (1, 1, 3)), ((1, 1, 3), (2, 2, 3))])


def program_of(
    steps: Sequence[Step], shapes: Mapping[str, tuple[int, ...]], datapath: Datapath = WES
) -> Program:
    """A program of one layer's steps that makes y."""
    tensors = {name: TensorType(shape=shape, bits=8) for name, shape in shapes.items()}
    for step in steps:
        tensors[step.output] = step.output_type([tensors[name] for name in step.inputs], datapath)
    return Program(
        name="one",
        input_names=tuple(shapes),
        output_names=("y",),
        tensors=tensors,
        steps=tuple(steps),
        datapath=datapath,
    )


def both(
    layer: Layer,
    inputs: Sequence[Codes],
    quantization: Mapping[str, Quantization],
    datapath: Datapath = WES,
) -> tuple[Floats, Floats]:
    """Float result, and how far from it the integers are, in steps of the output inside its range."""
    named = dict(zip(layer.inputs, inputs, strict=True))
    (exact,) = layer.forward([real(named[name], quantization[name]) for name in layer.inputs])
    shapes = {name: batch.shape[1:] for name, batch in named.items()}
    steps = layer.lower(Lowering(datapath, {**shapes, "y": exact.shape[1:]}, quantization, {}))
    found = npusim.simulate(program_of(steps, shapes, datapath), named).outputs["y"]
    y = quantization["y"]
    inside = np.clip(exact, real(np.array(-128), y), real(np.array(127), y))
    return exact, np.abs(real(found, y) - inside) / y.scale


def is_refused(
    ratio: float, layer: Layer, inputs: Sequence[Codes], quantization: Mapping[str, Quantization]
) -> bool:
    """Whether a scale is beyond a 16-bit multiplier at shift 0: then it is refused, never wrong."""
    if ratio < 2**16 - 0.5:
        return False
    with pytest.raises(InputError, match="cannot hold a scale"):
        both(layer, inputs, quantization)
    return True


def units(batch: Codes, quantization: Quantization) -> Floats:
    """How many steps codes are away from zero."""
    return np.abs(batch.astype(np.float64) - quantization.zero_point)


@settings(max_examples=60, deadline=None)
@given(st.data(), BROADCAST, QUANTIZATION, QUANTIZATION, QUANTIZATION, CLIP)
@pytest.mark.parametrize("kind", [Add, Sub], ids=lambda kind: kind.kind)
def test_sums(
    kind: type[BroadcastingLayer],
    data: st.DataObject,
    shapes: Any,
    qa: Quantization,
    qb: Quantization,
    qy: Quantization,
    clip: Any,
) -> None:
    a, b = (data.draw(codes((2, *shape))) for shape in shapes)
    _, error = both(kind(**TWO, clip=clip), [a, b], {"a": qa, "b": qb, "y": qy})
    greatest = max(qa.scale, qb.scale) / qy.scale
    within(error, 0.5 + (units(a, qa) + units(b, qb)) * greatest * MULTIPLIER_ERROR)


@settings(max_examples=60, deadline=None)
@given(st.data(), BROADCAST, QUANTIZATION, QUANTIZATION, QUANTIZATION, CLIP)
def test_products(
    data: st.DataObject, shapes: Any, qa: Quantization, qb: Quantization, qy: Quantization, clip: Any
) -> None:
    a, b = (data.draw(codes((2, *shape))) for shape in shapes)
    ratio = qa.scale * qb.scale / qy.scale
    case = Mul(**TWO, clip=clip), [a, b], {"a": qa, "b": qb, "y": qy}
    if is_refused(ratio, *case):
        return
    _, error = both(*case)
    within(error, 0.5 + units(a, qa) * units(b, qb) * ratio * MULTIPLIER_ERROR)


@settings(max_examples=60, deadline=None)
@given(st.data(), BROADCAST, QUANTIZATION, QUANTIZATION, CLIP)
@pytest.mark.parametrize("kind", [Minimum, Maximum], ids=lambda kind: kind.kind)
def test_extremes(
    kind: type[BroadcastingLayer],
    data: st.DataObject,
    shapes: Any,
    qa: Quantization,
    qy: Quantization,
    clip: Any,
) -> None:
    """Of two operands the farther one errs most; b has the output's codes and errs by its clip only."""
    a, b = (data.draw(codes((2, *shape))) for shape in shapes)
    _, error = both(kind(**TWO, clip=clip), [a, b], {"a": qa, "b": qy, "y": qy})
    within(error, 0.5 + units(a, qa).max() * qa.scale / qy.scale * MULTIPLIER_ERROR)


AXES = st.sampled_from([(-3, -2), (0,), (1,), (-1,), (0, 2), (0, 1, 2)])


@settings(max_examples=60, deadline=None)
@given(codes((2, 3, 2, 4)), AXES, st.booleans(), QUANTIZATION, QUANTIZATION)
@pytest.mark.parametrize("kind", [Mean, Sum], ids=lambda kind: kind.kind)
def test_reductions(
    kind: type[Mean | Sum], x: Codes, axes: Any, keep: bool, qx: Quantization, qy: Quantization
) -> None:
    exact, error = both(kind(**X, axes=axes, keep_dims=keep), [x], {"a": qx, "y": qy})
    within(error, 0.5 + np.abs(exact) / qy.scale * MULTIPLIER_ERROR)


ONES = np.ones((2, 2, 3, 5), np.int8), np.ones((2, 2, 5, 2), np.int8)


@settings(max_examples=40, deadline=None)
@given(codes((2, 2, 3, 5)), codes((2, 2, 5, 2)), QUANTIZATION, QUANTIZATION, QUANTIZATION, CLIP)
@example(ONES[0], ONES[1], Quantization(7.0, 0), Quantization(10.0, 0), Quantization(0.001, 0), None)
def test_matmul(a: Codes, b: Codes, qa: Quantization, qb: Quantization, qy: Quantization, clip: Any) -> None:
    case = Matmul(**TWO, clip=clip), [a, b], {"a": qa, "b": qb, "y": qy}
    if is_refused(qa.scale * qb.scale / qy.scale, *case):
        return
    _, error = both(*case)
    sums = np.abs(np.matmul(real(a, qa), real(b, qb))) / qy.scale
    within(error, 0.5 + sums * MULTIPLIER_ERROR)


@settings(max_examples=60, deadline=None)
@given(
    codes((2, 3, 4, 2)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(Coordinates),
    QUANTIZATION,
)
def test_bilinear_resize(x: Codes, size: Any, coordinates: Coordinates, q: Quantization) -> None:
    """Each axis' weight errs by 2**-12, which moves a blend by that share of two codes' difference."""
    layer = Resize(**X, size=size, interpolation=Interpolation.BILINEAR, coordinates=coordinates)
    _, error = both(layer, [x], {"a": q, "y": q})
    within(error, 0.5 + 2 * (int(x.max()) - int(x.min())) * 2.0**-12)


@settings(max_examples=30, deadline=None)
@given(st.data(), codes((2, 3, 4, 2)), st.integers(-3, 2), QUANTIZATION)
def test_copies_are_exact(data: st.DataObject, x: Codes, axis: int, q: Quantization) -> None:
    places = st.lists(st.integers(0, x.shape[1:][axis] - 1), min_size=1, max_size=6)
    layer = Gather(**X, axis=axis, indices=np.array(data.draw(places)))
    _, error = both(layer, [x], {"a": q, "y": q})
    within(error, 0.0)


@settings(max_examples=30, deadline=None)
@given(codes((2, 3, 4, 2)), st.booleans(), st.integers(-128, 127), st.floats(1e-3, 10.0))
def test_averages_of_codes_count_padding_as_zero(x: Codes, counted: bool, zero: int, scale: float) -> None:
    """LiteRT's datapath divides sums of codes and rounds once: half a code."""
    q = Quantization(scale, zero)
    layer = AvgPool2d(**X, kernel=(2, 3), stride=(2, 1), padding=((1, 0), (1, 1)), count_padding=counted)
    _, error = both(layer, [x], {"a": q, "y": q}, load_datapath("tflite"))
    within(error, 0.5)


@settings(max_examples=20, deadline=None)
@given(codes((2, 3, 4, 2)), QUANTIZATION)
def test_argmax_is_exact(x: Codes, q: Quantization) -> None:
    layer = Argmax(**X, axis=1)
    _, error = both(layer, [x], {"a": q, "y": layer.meaning(WES.activation.interval)})
    within(error, 0.0)


@settings(max_examples=20, deadline=None)
@given(codes((2, 5)), SCALE, st.integers(-128, 127), QUANTIZATION)
def test_prelu_with_one_slope_is_a_table(x: Codes, scale: float, zero: int, qy: Quantization) -> None:
    _, error = both(Prelu(**X, slope=np.full(5, 0.3)), [x], {"a": Quantization(scale, zero), "y": qy})
    within(error, 0.5)


@settings(max_examples=30, deadline=None)
@given(codes((2, 3, 7)), st.floats(1e-3, 2.0), st.integers(-128, 127))
def test_softmax_where_the_datapath_has_one(x: Codes, scale: float, zero: int) -> None:
    """Exponentials are added up with 19 fraction bits, each rounded; the sum is 1 or more."""
    tflite, layer = load_datapath("tflite"), Softmax(**X)
    meaning = {"a": Quantization(scale, zero), "y": layer.meaning(tflite.activation.interval)}
    _, error = both(layer, [x], meaning, tflite)
    within(error, 0.5 + 7 * 2.0**-20 * 256 + 2.0**-8)


@pytest.mark.parametrize("layer", [Softmax(**X), L2Normalization(**X)], ids=lambda layer: layer.kind)
def test_what_runs_on_the_host_says_so(layer: Layer) -> None:
    one = Quantization(1.0, 0)
    with pytest.raises(InputError) as caught:
        layer.lower(Lowering(WES, {"a": (4,), "y": (4,)}, {"a": one, "y": one}, {}))
    assert "runs on the host" in caught.value.problem
    assert "ends before it, with a as an output" in str(caught.value.allowed)


def test_a_datapath_without_a_pipeline_is_told() -> None:
    whole = load_datapath("wes_npu")
    poor = whole.replace(pipelines={"mac": whole.pipelines["mac"]})
    one = Quantization(1.0, 0)
    shapes = {"a": (2, 2), "b": (2, 2), "y": (2, 2)}
    for kind in (Add, Sub, Mul, Matmul, Minimum, Maximum):
        lowering = Lowering(poor, shapes, {"a": one, "b": Quantization(0.5, 0), "y": one}, {})
        with pytest.raises(InputError, match="pipeline"):
            kind(**TWO).lower(lowering)
