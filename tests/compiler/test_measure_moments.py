"""Moments measured on float runs, and the synthetic images they may be measured on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim import reference
from npusim.compiler.base import Compilation
from npusim.compiler.passes.equalize import Equalize
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.compiler.passes.measure_moments import MeasureMoments, MomentSource, Replaced
from npusim.compiler.synthetic import synthetic_images, synthetic_inputs
from npusim.errors import InputError
from tests.compiler.networks import flat, images, residual, state

Array = npt.NDArray[Any]


def folded(*, forget: bool) -> Compilation:
    """The residual network, its batch norms folded; `forget`: as a file that never had any."""
    made = FuseActivations().run(FoldBatchNorm().run(state(residual())))
    data = reference.real_inputs(made.network, images(12))
    return made.with_(calibration=data, **({"moments": {}} if forget else {}))


@pytest.mark.parametrize("forget", [True, False])
def test_measured_moments_are_those_of_the_tensors(forget: bool) -> None:
    tensors = Replaced.UNKNOWN if forget else Replaced.ALL
    start = folded(forget=forget)
    made = MeasureMoments(source=MomentSource.CALIBRATION, tensors=tensors, images=10, batch=4).run(start)
    seen: dict[str, Array] = {}
    assert start.calibration is not None
    ten = {name: x[:10] for name, x in start.calibration.items()}
    reference.run(start.network, ten, dtype="float64", observe=seen.__setitem__)
    assert set(made.moments) == {"relu6", "bn_dw", "relu", "side", "both", "head"}
    for name, found in made.moments.items():
        pixels = seen[name].reshape(-1, seen[name].shape[-1])
        np.testing.assert_allclose(found.mean, pixels.mean(axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.variance, pixels.var(axis=0), rtol=1e-3, atol=1e-5)


def test_ranges_follow_the_sums_before_the_activation() -> None:
    made = MeasureMoments(source=MomentSource.CALIBRATION).run(folded(forget=True))
    layer = next(layer for layer in made.network.layers if layer.outputs == ("relu6",))
    bare = made.network.replace(layers=(layer.replace(clip=None),), outputs=("relu6",))
    assert made.calibration is not None
    sums = reference.run(bare, made.calibration, dtype="float64")["relu6"].reshape(-1, 8)
    mean, sigma = made.moments["relu6"].gaussian
    np.testing.assert_allclose(mean, sums.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sigma, sums.std(axis=0), rtol=1e-3)
    assert (made.moments["relu6"].low, made.moments["relu6"].high) == (pytest.approx(0.0), pytest.approx(6.0))
    assert made.moments["relu"].range(6.0)[0] == 0.0  # an add with a ReLU


def test_what_batch_norms_left_is_kept() -> None:
    start = folded(forget=False)
    made = MeasureMoments().run(start)
    assert made.moments == start.moments
    assert made.notes == start.notes


def test_scales_moved_later_move_the_moments() -> None:
    """Equalizing after measuring is equalizing before it."""
    start = FuseActivations().run(state(flat()))
    start = start.with_(calibration=reference.real_inputs(start.network, images(12)))
    measure = MeasureMoments(source=MomentSource.CALIBRATION)
    one, other = measure.run(Equalize().run(start)), Equalize().run(measure.run(start))
    assert one.factors
    for name, found in one.moments.items():
        np.testing.assert_allclose(other.moments[name].gaussian, found.gaussian, rtol=1e-3, atol=1e-5)


def test_measuring_needs_data_or_a_preprocess_block() -> None:
    without = folded(forget=True).with_(calibration=None)
    assert MeasureMoments().run(without).moments.keys() >= {"relu6", "head"}
    with pytest.raises(InputError, match="measured on calibration data"):
        MeasureMoments(source=MomentSource.CALIBRATION).run(without)
    blind = without.with_(network=without.network.replace(preprocess=None))
    with pytest.raises(InputError, match="inputs are not known without data"):
        MeasureMoments().run(blind)


def test_synthetic_images_have_the_spectrum_they_promise() -> None:
    made = synthetic_images(24, (64, 64, 3), np.random.default_rng(0)).astype(np.float64) / 255
    inner = made - made.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(inner, axes=(1, 2))) ** 2).mean(axis=(0, 3))
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    band = (radius > 0.03) & (radius < 0.4)
    slope, _ = np.polyfit(np.log(radius[band]), np.log(power[band]), 1)
    assert slope == pytest.approx(-2, abs=0.15)  # amplitude 1/f
    assert made.mean() == pytest.approx(0.5, abs=0.06)
    assert inner.std() == pytest.approx(0.2, abs=0.03)
    channels = np.corrcoef(inner.reshape(-1, 3).T)
    assert channels[0, 1] == pytest.approx(0.9, abs=0.05)


def test_synthetic_inputs_repeat_by_seed_and_go_through_the_preprocess_block() -> None:
    net = residual()
    one, again, other = (synthetic_inputs(net, 3, seed)["x"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert one.shape == (3, 6, 6, 3)
    assert np.abs(one).max() <= 1


@pytest.mark.parametrize("shape", [(640,), (49, 10, 1), (1, 7, 2), (4, 5, 6, 2)])
def test_inputs_of_any_shape_have_synthetic_images(shape: tuple[int, ...]) -> None:
    made = synthetic_images(4, shape, np.random.default_rng(0))
    assert made.shape == (4, *shape)
    assert made.dtype == np.uint8
    assert made.std() > 10
