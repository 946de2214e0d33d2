"""After iterative correction every channel's mean sum is the float one, on the calibration images."""

from __future__ import annotations

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler.base import Compilation
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.compiler.passes.iterative_bias_correction import IterativeBiasCorrection
from npusim.compiler.passes.lower import Lower
from npusim.compiler.pre_activation import expose_sums, sums_of
from npusim.compiler.recipe import load_recipe
from npusim.demo import bundled, load_images
from npusim.errors import InputError
from npusim.network import load_network
from npusim.steps.mac import MacStep

NETWORK = load_network(bundled("digits_rescaled.yaml"))
IMAGES, _ = load_images("digits_calibration.h5")
REAL = reference.real_inputs(NETWORK, IMAGES[:32])


def compiled() -> Compilation:
    """By the layer-wise recipe, up to its program: the worst there is to correct."""
    state = Compilation(NETWORK, npusim.load_datapath("wes_npu"), REAL)
    for step in load_recipe("layerwise").passes:
        state = step.run(state)
    return state


@pytest.fixture(scope="module")
def state() -> Compilation:
    return compiled()


def float_means() -> dict[str, np.ndarray]:
    folded = FuseActivations().run(FoldBatchNorm().run(Compilation(NETWORK, npusim.load_datapath("wes_npu"))))
    means: dict[str, np.ndarray] = {}

    def see(tensor: str, values: np.ndarray) -> None:
        layer = sums_of(tensor)
        if layer is not None:
            means[layer] = values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64)

    reference.run(expose_sums(folded.network), REAL, observe=see)
    return means


def test_means_are_the_float_ones_to_half_a_bias_unit(state: Compilation) -> None:
    program = IterativeBiasCorrection(standard_errors=0).run(state).program
    assert program is not None
    macs = [step.name for step in program.steps if isinstance(step, MacStep)]
    result = npusim.simulate(program, REAL, taps=[f"{name}:accumulator" for name in macs])
    wanted = float_means()
    for name in macs:
        worth = program.real.accumulators[name]
        sums = result.taps[name]["accumulator"]
        got = sums.reshape(-1, sums.shape[-1]).mean(axis=0) * worth
        # Half a unit from rounding the bias; the float32 reference is exact to about 1e-5 of its sums.
        tolerance = 0.5 * worth + 1e-5 * np.abs(wanted[name]).max()
        assert (np.abs(got - wanted[name]) <= tolerance).all(), name


def test_answers_improve(state: Compilation) -> None:
    corrected = IterativeBiasCorrection().run(state)
    assert state.program is not None
    assert corrected.program is not None
    real = reference.run(NETWORK, IMAGES[32:])["classifier"]
    errors = [
        np.square(npusim.simulate(program, IMAGES[32:]).dequantized["classifier"] - real).mean()
        for program in (state.program, corrected.program)
    ]
    assert errors[1] < errors[0] / 2


def test_only_biases_change(state: Compilation) -> None:
    corrected = IterativeBiasCorrection().run(state)
    assert state.program is not None
    assert corrected.program is not None
    for before, after in zip(state.program.steps, corrected.program.steps, strict=True):
        if isinstance(before, MacStep):
            assert before.replace(bias=after.bias) == after
        else:
            assert before == after


def test_small_shifts_are_left_alone(state: Compilation) -> None:
    corrected = IterativeBiasCorrection(standard_errors=1e9).run(state)
    assert corrected.program == state.program


def test_it_needs_a_program_and_data(state: Compilation) -> None:
    with pytest.raises(InputError, match="run lower first"):
        IterativeBiasCorrection().run(state.with_(program=None))
    with pytest.raises(InputError, match="calibration"):
        IterativeBiasCorrection().run(state.with_(calibration=None))
    assert isinstance(load_recipe("wes_ibc").passes[-2], Lower)
