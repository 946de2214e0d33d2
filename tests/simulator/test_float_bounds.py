"""Accumulators in real units against the float layer, within bounds derived here, not tuned.

A step reads codes that stand exactly for reals x, so only two things separate its accumulator, times
its worth u = S_x * S_w / 2**k, from the float layer's sum over the same x:

- every weight was rounded to half a code: an error of at most S_w / 2**(k+1) * sum(abs(x)), and
  the sum over a window of abs(x) is what the layer makes of abs(x) with weights of one;
- the bias was rounded to half an accumulator unit: u / 2.

Padding adds nothing on either side: it carries the code of real zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import npusim
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.input_codes import to_codes
from npusim.layers.mac_layer import MacLayer
from npusim.network import Network
from tests.compiler.networks import flat, images, residual, state
from tests.simulator.programs import batch, two_inputs

NETWORKS: dict[str, tuple[Network, Any, Any]] = {
    "residual": (residual(), images(4), images(2, seed=9)),
    "flat": (flat(), images(4), images(2, seed=9)),
    "two inputs": (two_inputs(), batch(3), batch(2, seed=9)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("recipe", "datapath"),
    [("wes", "wes_npu"), ("layerwise", "wes_npu"), ("per_channel", "wes_npu"), ("wes", "wes_npu_subtract")],
)
def test_accumulators_are_the_float_sums(name: str, recipe: str, datapath: str) -> None:
    net, calibration, data = NETWORKS[name]
    program = npusim.compile(net, datapath, recipe, calibration)
    folded = FuseActivations().run(FoldBatchNorm().run(state(net))).network
    taps = [f"{step.name}:output" for step in program.steps]
    taps += [f"{name}:accumulator" for name in program.real.accumulators]
    result = npusim.simulate(program, data, taps=taps)
    codes = {step.output: result.taps[step.name]["output"] for step in program.steps}
    codes |= to_codes(program, data)
    layers = [layer for layer in folded.layers if isinstance(layer, MacLayer)]
    assert {layer.name for layer in layers} == program.real.accumulators.keys()
    closest = 0.0
    for layer in layers:
        (source,) = layer.inputs
        x = program.real.tensors[source].dequantize(codes[source])
        (sums,) = layer.replace(clip=None).forward([x])
        worth = program.real.accumulators[layer.name]
        made = result.taps[layer.name]["accumulator"] * worth
        bound = half_codes(layer, worth / program.real.tensors[source].scale / 2, np.abs(x)) + worth / 2
        slack = 1e-12 * (np.abs(sums) + np.abs(made) + bound)  # float64's own rounding
        assert np.all(np.abs(made - sums) <= bound + slack), layer.name
        closest = max(closest, float((np.abs(made - sums) / bound).max()))
    assert closest > 0.1  # the bounds are of the errors' size


def half_codes(layer: MacLayer, half: Any, magnitudes: Any) -> Any:
    """What weights of half a code each make of abs(x)."""
    shape = (-1, *[1] * (layer.weights.ndim - 1))
    halves = np.broadcast_to(np.asarray(half).reshape(shape), layer.weights.shape)
    (made,) = layer.replace(weights=halves, bias=None, clip=None).forward([magnitudes])
    return made
