from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import npusim
from npusim.analysis import prove, replay
from npusim.analysis.bounds import End, Moment, bounds, signed_bits, witness
from npusim.analysis.columns import columns_of
from npusim.errors import InputError
from npusim.program import Program
from npusim.spec.convolution import Operands, output
from npusim.spec.interval import Interval
from npusim.spec.loop_nest import conv2d_beats, depthwise_beats
from npusim.spec.mac import Accumulation
from npusim.spec.width import bits_for
from npusim.steps.mac import MacOperation, MacStep
from tests.analysis.builders import VARIANTS, WES, conv, drawn, program

KINDS = ["conv", "groups", "depthwise", "dense"]


def spec_accumulation(made: Program, codes: np.ndarray, pixel: tuple[int, int], channel: int) -> Accumulation:
    """The spec's answer for one output of a one-step program."""
    (step,) = made.steps
    assert isinstance(step, MacStep)
    columns = columns_of(step, made.tensors["x"], made.tensors["y"], made.datapath)
    assert columns is not None
    lanes = made.datapath.mac.lanes
    depthwise = step.operation is MacOperation.DEPTHWISE_CONV2D
    beats = (
        depthwise_beats(step.kernel, lanes)
        if depthwise
        else conv2d_beats(step.kernel, columns.weights.shape[3], lanes)
    )
    image = codes.reshape(columns.size)
    operands = Operands(
        activation=lambda y, x, c: int(image[y, x, c]),
        weight=lambda ky, kx, c: int(columns.weights[channel, ky, kx, c]),
        rows=columns.size[0],
        columns=columns.size[1],
        first_channel=columns.first_channel(channel),
        x_zero=step.x_zero,
        zero_point=made.datapath.mac.zero_point,
    )
    return output(operands, columns.window, beats, pixel, int(step.bias[channel]), made.datapath.mac.column)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_random_runs_stay_inside_and_witnesses_reach_both_ends(kind: str, variant: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind) + 10 * list(VARIANTS).index(variant))
    for _ in range(4):
        made = drawn(rng, kind, VARIANTS[variant])
        proof = prove(made).step("conv")
        low, high = (proof.any_codes.low(Moment.FINAL), proof.any_codes.high(Moment.FINAL))
        images = rng.integers(-128, 128, (20, *made.tensors["x"].shape)).astype(np.int8)
        images[10:] = np.where(images[10:] < 0, -128, 127)
        seen = npusim.simulate(made, images, taps=["conv"]).taps["conv"]["accumulator"]
        seen = seen.reshape(-1, len(low))
        assert (seen >= low).all()
        assert (seen <= high).all()

        every = replay(made, proof, channels=tuple(range(len(low))), found=proof.any_codes)
        taps = npusim.simulate(every.program, every.images, taps=["conv"]).taps["conv"]["accumulator"]
        assert len(every.witnesses) == 2 * len(low)
        for image, one in enumerate(every.witnesses):
            place = (image, one.channel) if taps.ndim == 2 else (image, *one.pixel, one.channel)
            assert taps[place] == one.value
            assert one.value == (low if one.end is End.LOW else high)[one.channel]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_prefix_witnesses_reach_the_extremes_the_spec_sees(kind: str, variant: str) -> None:
    rng = np.random.default_rng(99)
    made = drawn(rng, kind, VARIANTS[variant])
    proof = prove(made, input_range=(20, 100)).step("conv")  # prefixes beyond the final values
    channels = range(len(proof.reachable.low(Moment.PREFIX)))
    for channel, end in product(channels, End):
        one = witness(proof.columns, proof.reachable, channel, Moment.PREFIX, end)
        held = spec_accumulation(made, one.codes, one.pixel, channel)
        assert one.value == (held.lowest if end is End.LOW else held.highest)
    images = rng.integers(20, 101, (30, *made.tensors["x"].shape))
    for image in images[:5]:
        for channel in channels:
            held = spec_accumulation(made, image, (0, 0), channel)
            assert held.lowest >= proof.reachable.low(Moment.PREFIX)[channel]
            assert held.highest <= proof.reachable.high(Moment.PREFIX)[channel]


def test_range_of_a_small_step_is_that_of_all_its_inputs() -> None:
    step = conv([[[[3], [-2]]], [[[1], [1]]]], [7, -1], padding=((0, 0), (1, 0)), fields={"x_zero": 2})
    made = program(step, shape=(1, 2, 1))
    found = prove(made, input_range=(-3, 1)).step("conv").reachable
    inputs = np.array(list(product(range(-3, 2), repeat=2)), np.int8).reshape(-1, 1, 2, 1)
    seen = npusim.simulate(made, inputs, taps=["conv"]).taps["conv"]["accumulator"].reshape(-1, 2)
    assert found.low(Moment.FINAL).tolist() == seen.min(axis=0).tolist()
    assert found.high(Moment.FINAL).tolist() == seen.max(axis=0).tolist()


def test_border_pixels_can_reach_farther_than_inner_ones() -> None:
    # Inside, two codes of at most 1; at the border one of them is padding, which holds 100.
    step = conv([[[[1], [1]]]], padding=((0, 0), (1, 0)), fields={"x_zero": 100})
    found = prove(program(step, shape=(1, 4, 1)), input_range=(0, 1)).step("conv")
    assert found.reachable.hull(Moment.FINAL) == Interval(0, 101)
    assert witness(found.columns, found.reachable, 0, Moment.FINAL, End.HIGH).pixel == (0, 0)


def test_order_matters_to_prefixes() -> None:
    lanes = VARIANTS["four lanes"]
    up_first = conv([[100] * 4 + [-100] * 4], operation="dense")
    proof = prove(program(up_first, shape=(8,), datapath=lanes), input_range=(10, 20)).step("conv").reachable
    assert proof.hull(Moment.FINAL) == Interval(-4000, 4000)
    assert proof.hull(Moment.PREFIX) == Interval(-4000, 8000)
    one_beat = prove(program(up_first, shape=(8,)), input_range=(10, 20)).step("conv").reachable
    assert one_beat.hull(Moment.PREFIX) == Interval(-4000, 4000)


def test_signed_bits_is_the_specs() -> None:
    ends = [-(1 << 40), -129, -128, -2, -1, 0, 1, 127, 128, (1 << 40) - 1]
    pairs = [(low, high) for low in ends for high in ends if low <= high]
    low, high = (np.array(side) for side in zip(*pairs, strict=True))
    assert signed_bits(low, high).tolist() == [bits_for(*pair) for pair in pairs]


def test_too_wide_sums_are_refused() -> None:
    wide = WES.replace(mac=WES.mac.replace(bias=WES.mac.bias.replace(bits=32)))
    made = program(conv([[[[1]]]]), shape=(1, 1, 1), datapath=wide)
    columns = columns_of(made.steps[0], made.tensors["x"], made.tensors["y"], wide)
    assert columns is not None
    with pytest.raises(InputError, match="62 bits"):
        bounds(columns, Interval(-(1 << 62), 0))
