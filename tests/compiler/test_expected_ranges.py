"""expected_ranges: no other range of the same kind errs less on samples of what it expects."""

from __future__ import annotations

import numpy as np
import pytest

from npusim.compiler.expected_ranges import least_noise_bounds, least_noise_range
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.quantizers import Symmetry, quantization_of
from npusim.moments import Moments
from npusim.quantization import Quantization
from npusim.spec.interval import Interval
from tests.compiler.networks import residual, state

MEANS, SIGMAS = np.array([0.0, -1.0, 0.5]), np.array([1.0, 3.0, 0.2])


def quantizer(codes: Interval) -> object:
    def meaning(low: float, high: float) -> Quantization:
        return quantization_of(low, high, codes, Symmetry.ASYMMETRIC)

    return meaning


def squared_errors(low: float, high: float, codes: Interval) -> np.ndarray:
    """Of each channel, measured."""
    values = np.random.default_rng(0).laplace(MEANS, SIGMAS / np.sqrt(2), (100_000, 3)).clip(0)
    meaning = quantization_of(low, high, codes, Symmetry.ASYMMETRIC)
    made = np.clip(np.rint(values / meaning.scale) + meaning.zero_point, codes.low, codes.high)
    found: np.ndarray = ((values - meaning.scale * (made - meaning.zero_point)) ** 2).mean(axis=0)
    return found


@pytest.mark.parametrize("bits", [3, 4, 6])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.0, 1e-6, 1e3)])
def test_a_tensors_range_errs_least(bits: int, weights: tuple[float, ...]) -> None:
    codes = Interval(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    channels = Moments.normal(MEANS, SIGMAS).clipped(0.0, None)
    low, high = least_noise_range(channels, np.array(weights), codes, quantizer(codes))  # type: ignore[arg-type]
    assert low == 0
    widest = float((MEANS + 7 * SIGMAS).max())
    others = [float(squared_errors(0, widest * 2 ** (-k / 8), codes) @ weights) for k in range(21)]
    assert float(squared_errors(low, high, codes) @ weights) < 1.08 * min(others)


@pytest.mark.parametrize("bits", [4, 6])
def test_each_channels_bound_is_its_own_range(bits: int) -> None:
    codes = Interval(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    channels = Moments.normal(MEANS, SIGMAS).clipped(0.0, None)
    bounds = least_noise_bounds(channels, codes, quantizer(codes))  # type: ignore[arg-type]
    for channel in range(3):
        alone = channels.chosen(np.array([channel]))
        wanted = least_noise_range(alone, np.ones(1), codes, quantizer(codes))  # type: ignore[arg-type]
        assert bounds[channel] == pytest.approx(wanted[1])


def test_channels_that_are_always_zero_reach_nowhere() -> None:
    dead = Moments.join([Moments.constant(0.0, 1), Moments.normal(np.zeros(1), np.ones(1))])
    codes = Interval(-8, 7)
    bounds = least_noise_bounds(dead, codes, quantizer(codes))  # type: ignore[arg-type]
    assert bounds[0] == 0
    assert bounds[1] > 0


def test_fewer_bits_take_narrower_ranges_inside_and_the_same_at_the_ends() -> None:
    folded = FoldBatchNorm().run(state(residual()))
    wide, narrow = (ActivationRanges(method="expected", bits=bits).run(folded).ranges for bits in (None, 4))
    ends = {*(x.name for x in folded.network.inputs), *folded.network.outputs}
    for name in wide.keys() - ends:
        assert narrow[name][1] <= wide[name][1]
    assert any(narrow[name][1] < wide[name][1] for name in wide.keys() - ends)
    assert all(narrow[name] == wide[name] for name in ends)
