"""Proofs of real programs: runs stay inside bounds, witnesses reach them; differing rescales differ."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import npusim
from npusim.analysis import End, Moment, equivalence, prove, replay
from npusim.datapath import load_datapath
from npusim.demo import bundled, load_images
from npusim.files.data import open_data
from npusim.program import Program

ZOO = Path(os.environ.get("NPUSIM_ZOO", "none"))
needs_zoo = pytest.mark.skipif(not ZOO.is_dir(), reason="NPUSIM_ZOO does not name a folder")
MODELS = {
    "resnet8_int8": "cifar10_ic01_dev",
    "vww_96_int8": "vww01_dev",
    "ad01_int8": None,
    "tf2_mobilenet_v2_1.0_224_ptq": "imagenet_dev_0",
    "deeplabv3_mnv2_dm05_pascal_quant": None,
}
SLOW = ("tf2_mobilenet_v2_1.0_224_ptq", "deeplabv3_mnv2_dm05_pascal_quant", "ad01_int8")
DIGITS = ("layerwise", "wes", "per_channel")


@cache
def program(name: str) -> Program:
    """An imported model, or the bundled network by a recipe."""
    if name in DIGITS:
        calibration, _ = load_images("digits_calibration.h5")
        datapath = "wes_npu_per_channel" if name == "per_channel" else "wes_npu"
        network = npusim.load_network(bundled("digits_rescaled.yaml"))
        return npusim.compile(network, datapath, recipe=name, calibration=calibration[:64])
    made = npusim.import_model(ZOO / "models" / f"{name}.tflite")
    assert isinstance(made, Program)
    return made


def inputs(name: str) -> list[np.ndarray]:
    """Images where there are some; codes drawn from the ends and from between."""
    made = program(name)
    kind = made.tensors[made.input_names[0]]
    codes = kind.codes.interval
    rng = np.random.default_rng(8)
    drawn = rng.integers(codes.low, codes.high + 1, (2, *kind.shape))
    drawn[1] = np.where(drawn[1] < (codes.low + codes.high) / 2, codes.low, codes.high)
    found = [drawn.astype(kind.dtype)]
    if name in DIGITS:
        found.append(load_images("digits_test.h5")[0][:20])
    elif MODELS[name] is not None and made.real.byte_tables:
        with open_data(ZOO / "data" / f"{MODELS[name]}.h5") as data:
            found.append(data.read(0, 2))
    return found


CASES = [
    *DIGITS,
    *(
        pytest.param(name, marks=[needs_zoo, *([pytest.mark.slow] if name in SLOW else [])])
        for name in MODELS
    ),
]


@pytest.mark.parametrize("name", CASES)
def test_no_run_leaves_the_proven_bounds(name: str) -> None:
    made = program(name)
    report = prove(made)
    names = [step.step for step in report.steps]
    for data in inputs(name):
        result = npusim.simulate(
            made, data, taps=[f"{step}:accumulator" for step in names], statistics="prefix"
        )
        assert result.statistics is not None
        for step in report.steps:
            low, high = step.reachable.low(Moment.FINAL), step.reachable.high(Moment.FINAL)
            sums = result.taps[step.step]["accumulator"]
            sums = sums.reshape(-1, sums.shape[-1])
            assert (low <= sums.min(axis=0)).all()
            assert (sums.max(axis=0) <= high).all()
            seen, prefixes = result.statistics[step.step].accumulator, step.reachable.hull(Moment.PREFIX)
            assert seen is not None
            assert seen.lowest in prefixes
            assert seen.highest in prefixes


@pytest.mark.parametrize("name", CASES)
def test_witnesses_reach_the_bounds_of_every_step(name: str) -> None:
    made = program(name)
    for step in prove(made).steps:
        low, high = step.reachable.low(Moment.FINAL), step.reachable.high(Moment.FINAL)
        channel = len(low) // 2
        for channels in (None, (channel,)):
            shown = replay(made, step, channels=channels)
            taps = npusim.simulate(shown.program, shown.images, taps=[f"{step.step}:accumulator"]).taps
            sums = taps[step.step]["accumulator"]
            for image, one in enumerate(shown.witnesses):
                place = (image, one.channel) if sums.ndim == 2 else (image, *one.pixel, one.channel)
                assert sums[place] == one.value == (low if one.end is End.LOW else high)[one.channel]
            if channels is None:
                assert (sums.min(), sums.max()) == (low.min(), high.max())


@needs_zoo
@pytest.mark.parametrize(
    "name",
    ["resnet8_int8", *(pytest.param(name, marks=pytest.mark.slow) for name in ("vww_96_int8", SLOW[0]))],
)
def test_every_differing_channel_has_a_witness(name: str) -> None:
    """TFLite's two ways to round, on an imported model: spec and kernels, each by itself, confirm it."""
    made = program(name)
    report = equivalence(load_datapath("tflite"), load_datapath("tflite_single_round"), made)
    assert report.undecided == 0
    assert not report.equal
    for found in report.units:
        left, right = found.unit.left, found.unit.right
        witnesses = list(report.counterexamples(found))
        assert [one.channel for one in witnesses] == found.channels.tolist()
        rows = np.repeat(found.unit.low[None], 1, axis=0)
        for one in witnesses:
            assert found.unit.low[one.channel] <= one.value <= found.unit.high[one.channel]
            rows[0, one.channel] = one.value
        ours, theirs = left.run(rows)[0], right.run(rows)[0]
        for one in witnesses:
            assert left.spec(one.value, one.channel) == one.left == ours[one.channel]
            assert right.spec(one.value, one.channel) == one.right == theirs[one.channel]
            assert one.left != one.right
