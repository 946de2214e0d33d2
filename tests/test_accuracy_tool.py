"""The accuracy table's own sums: widths of recipes, what a program asks for, weights without the rest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim
from npusim.compiler.recipe import load_recipe
from npusim.demo import bundled, load_images
from npusim.evaluation.samples import ArraySamples
from npusim.network import load_network

sys.path.insert(0, str(Path(__file__).parent.parent))

from tools import weights_only
from tools.accuracy import _bits, at_bits
from tools.program_needs import code_bits, needs, weight_bytes

NETWORK = load_network(bundled("digits_rescaled.yaml"))
IMAGES, _ = load_images("digits_calibration.h5")


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=8))
def test_code_bits_are_the_least_that_hold_all_codes(codes: list[int]) -> None:
    def holds(bits: int) -> bool:
        return all(-(2 ** (bits - 1)) <= code < 2 ** (bits - 1) for code in codes)

    least = next(bits for bits in range(1, 9) if holds(bits))
    assert code_bits(np.array(codes, np.int8)) == least


def test_narrow_recipes_make_narrow_programs() -> None:
    plain = npusim.compile(NETWORK, "wes_npu", load_recipe("wes"), IMAGES[:8])
    narrow = npusim.compile(NETWORK, "wes_npu", at_bits(load_recipe("wes"), "w4a4"), IMAGES[:8])
    assert 2 * weight_bytes(narrow) == weight_bytes(plain)
    result = npusim.simulate(narrow, IMAGES[:4], taps=["stem:output"])
    assert len(np.unique(result.taps["stem"]["output"])) <= 16
    assert at_bits(load_recipe("wes"), "") == load_recipe("wes")


def test_a_program_says_what_it_asks_for() -> None:
    made = {
        recipe: needs(npusim.compile(NETWORK, "wes_npu", recipe, IMAGES[:8]))
        for recipe in ("layerwise", "wes", "per_channel")
    }
    assert made["layerwise"] == "one scale per layer"
    assert made["wes"].startswith("shifts 0..")
    assert "multipliers per channel" in made["per_channel"]


def test_weights_alone_hurt_less_than_all_of_it() -> None:
    data, labels = load_images("digits_test.h5")
    samples = ArraySamples(data[:64], labels[:64])
    datapath = npusim.load_datapath("wes_npu")
    agreement = {}
    for recipe in ("layerwise", "wes"):
        changed = weights_only.quantized_weights(NETWORK, datapath, load_recipe(recipe), IMAGES[:8])
        count, measures = weights_only.measure(NETWORK, changed, samples)
        assert count == 64
        agreement[recipe] = measures["agreement"]
    assert agreement["wes"] > 0.95
    assert agreement["layerwise"] < 0.6  # digits_rescaled is made for that


@pytest.mark.parametrize("text", ["w6", "6a8", "w6a8,", "W6A8"])
def test_widths_are_written_one_way(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="w6a8"):
        _bits(text)
