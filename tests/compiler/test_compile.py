"""Whole compilations: nothing given is changed, same bytes twice, degenerate networks, orders of passes."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler import Recipe, load_recipe
from npusim.compiler.base import Compilation, Pass
from npusim.compiler.passes.activation_ranges import ActivationRanges
from npusim.compiler.passes.fold_batch_norm import FoldBatchNorm
from npusim.compiler.passes.fuse_activations import FuseActivations
from npusim.compiler.passes.lower import Lower
from npusim.compiler.passes.quantize_weights import QuantizeWeights
from npusim.errors import InputError
from npusim.files.array_model import same_values
from npusim.layers.conv2d import Conv2d
from npusim.layers.relu import Relu
from tests.compiler.networks import conv, flat, images, network, norm, residual, some, state

FOLD: dict[str, Any] = {"pass": "fold_batch_norm"}
FUSE: dict[str, Any] = {"pass": "fuse_activations"}
RANGES: dict[str, Any] = {"pass": "activation_ranges"}
QUANTIZE: dict[str, Any] = {"pass": "quantize_weights", "scheme": "shift_scaler"}
LOWER: dict[str, Any] = {"pass": "lower"}

PASSES: list[Pass] = [
    FoldBatchNorm(),
    FuseActivations(),
    ActivationRanges(),
    QuantizeWeights(scheme="shift_scaler", rounding="squant"),
    Lower(),
]


def recipe(*passes: dict[str, Any]) -> Recipe:
    return Recipe.model_validate({"name": "test", "title": "", "passes": list(passes)})


def content(found: Compilation) -> dict[str, Any]:
    kept = {name: value for name, value in vars(found).items() if name != "progress"}
    kept["moments"] = {name: vars(moments) for name, moments in found.moments.items()}
    kept["weights"] = {name: vars(weights) for name, weights in found.weights.items()}
    return kept


@pytest.mark.parametrize("calibrated", [True, False])
def test_passes_never_change_what_they_are_given(calibrated: bool) -> None:
    data = {"x": images().astype(np.float64)} if calibrated else None
    found = state(residual(), calibration=data)
    for step in PASSES:
        before = deepcopy(content(found))
        after = step.run(found)
        assert same_values(content(found), before), step.kind
        assert after is not found
        found = after
    assert found.program is not None


def test_compiling_leaves_network_and_images_alone() -> None:
    net, data = residual(), images()
    before, copied = deepcopy(net), data.copy()
    npusim.compile(net, "wes_npu", "wes", data)
    assert net == before
    np.testing.assert_array_equal(data, copied)


@pytest.mark.parametrize("name", ["layerwise", "per_channel", "wes", "best_data_free"])
def test_same_bytes_twice(tmp_path: Path, name: str) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        npusim.compile(residual(), "wes_npu", name, images()).save(tmp_path / place / "p.yaml")
    for file in ("p.yaml", "p.h5"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("name", ["layerwise", "per_channel", "wes", "dfq", "best_data_free"])
@pytest.mark.parametrize("net", [residual(), flat()], ids=["residual", "flat"])
def test_what_comes_out_is_about_what_the_float_network_says(name: str, net: Any) -> None:
    program = npusim.compile(net, "wes_npu", name, images(16))
    data = images(16)
    (output,) = net.outputs
    real = reference.run(net, data, dtype="float64")[output]
    made = npusim.simulate(program, data).dequantized[output]
    noise, signal = ((made - real) ** 2).sum(), (real**2).sum()
    # Eight bits leave 30 dB and more; a wrong sign, zero point or order would leave none.
    assert signal > 50 * noise


def test_a_recipe_gets_the_multiplier_it_needs_and_says_so() -> None:
    program = npusim.compile(residual(), "wes_npu", "per_channel", images())
    assert program.datapath.per_channel("multiplier")
    assert program.datapath.name == "wes_npu_per_channel"
    (note,) = [note for note in program.notes if "per_channel" in note]
    assert "fields.multiplier.per = channel" in note
    assert "not wes_npu" in note
    ready = npusim.compile(residual(), "wes_npu_per_channel", "per_channel", images())
    assert ready.notes == ()
    assert ready.steps == program.steps


def test_needs_that_lead_nowhere_are_an_error() -> None:
    needy = recipe(FOLD, RANGES, QUANTIZE, LOWER).replace(needs={"fields.multiplyer.per": "channel"})
    with pytest.raises(InputError) as caught:
        npusim.compile(residual(), "wes_npu", needy, images())
    assert caught.value.key == "fields.multiplyer.per"
    assert "multiplier" in str(caught.value)


def test_data_free_compilation_notes_it() -> None:
    notes = npusim.compile(residual(), "wes_npu", "wes").notes
    assert sum("no calibration data" in note for note in notes) == 1
    assert not any(
        "no calibration data" in n for n in npusim.compile(residual(), "wes_npu", "wes", images()).notes
    )


@pytest.mark.parametrize(
    ("passes", "says"),
    [
        ((FOLD, FUSE, RANGES, QUANTIZE), "makes no program"),
        ((FOLD, FUSE, LOWER), "activation_ranges first"),
        ((FOLD, FUSE, RANGES, LOWER), "quantize_weights first"),
        ((FOLD, FUSE, QUANTIZE, RANGES, LOWER), "activation_ranges first"),
        ((FUSE, RANGES, QUANTIZE, LOWER), "must be folded first"),
    ],
)
def test_orders_that_make_no_sense_are_refused(passes: tuple[dict[str, Any], ...], says: str) -> None:
    net = network([conv("c", "x", 3, 4), norm("bn", "c", 4)], ["bn"])
    with pytest.raises(InputError, match=says):
        npusim.compile(net, "wes_npu", recipe(*passes), images())


def test_weights_that_a_pass_changed_after_they_became_codes_are_refused() -> None:
    net = network([conv("c", "x", 3, 4), norm("bn", "c", 4)], ["bn"])
    found = state(net, calibration=reference.real_inputs(net, images()))
    # A recipe of this order is refused when it is read.
    for step in (ActivationRanges(), QuantizeWeights(scheme="shift_scaler"), FoldBatchNorm()):
        found = step.run(found)
    with pytest.raises(InputError, match="changed after they became codes"):
        Lower().run(found)


def degenerate(**changes: Any) -> Any:
    return network([conv("c", "x", 3, 4, **changes), Relu(name="r", inputs=("c",))], ["r"])


ZEROS = np.zeros((4, 3, 3, 3))
DEGENERATE = {
    "all zero": degenerate(weights=ZEROS),
    "zero with bias": degenerate(weights=ZEROS, bias=np.array([0.5, -1, 0.001, 0])),
    "constant": degenerate(weights=ZEROS, bias=np.full(4, 0.25)),
    "never positive": degenerate(bias=np.full(4, -1e3)),
    "one channel lives": degenerate(weights=np.concatenate([some(1, 3, 3, 3), ZEROS[1:]]), bias=some(4)),
    "tiny": degenerate(weights=some(4, 3, 3, 3) * 1e-30),
    "subnormal": degenerate(weights=some(4, 3, 3, 3) * 1e-322),
    "huge": degenerate(weights=some(4, 3, 3, 3) * 1e30),
    "huge bias": degenerate(bias=np.array([1e20, 0, 0, 1e-3])),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("by", ["layerwise", "wes", "per_channel"])
def test_degenerate_layers_compile_and_are_right_to_a_step(name: str, by: str) -> None:
    net, data = DEGENERATE[name], images()
    program = npusim.compile(net, "wes_npu", load_recipe(by), data)
    made = npusim.simulate(program, data).dequantized["r"]
    real = reference.run(net, data, dtype="float64")["r"]
    assert np.isfinite(made).all()
    # Half a step of the output, and of the weights and inputs before it: 27 taps of each.
    scale, x = program.real.tensors["r"].scale, program.real.tensors["x"].scale
    layer = net.layers[0]
    assert isinstance(layer, Conv2d)
    weight_step = np.abs(layer.weights).max() / 127
    inner = 27 * (weight_step / 2 + np.abs(layer.weights).max() * x / 2)
    if by == "per_channel" or name != "huge bias":  # there the guard had to take the weights' resolution
        assert np.abs(made - real).max() <= scale + inner


def test_constants_survive_exactly_enough() -> None:
    """A layer that only emits its bias (1.8) loses half a step of the output and no more."""
    program = npusim.compile(DEGENERATE["zero with bias"], "wes_npu", "wes", images())
    made = npusim.simulate(program, images()).dequantized["r"]
    expected = np.maximum([0.5, -1, 0.001, 0], 0)
    assert np.abs(made - expected).max() <= program.real.tensors["r"].scale * 0.51


def test_progress_is_told() -> None:
    told: list[str] = []
    npusim.compile(residual(), "wes_npu", "wes", images(), progress=told.append)
    assert {"fold batch norm", "quantize weights", "lower"} <= set(told)


@pytest.mark.parametrize("by", ["wes", "per_channel"])
def test_programs_of_compiled_networks_describe_themselves(by: str) -> None:
    program = npusim.compile(residual(), "wes_npu", by, images())
    (x,) = program.inputs
    (head,) = program.outputs
    assert (x.name, x.shape, x.dtype) == ("x", (6, 6, 3), np.dtype(np.int8))
    assert x.scale is not None
    assert head.name == "head"
    assert program.macs == 36 * 8 * 27 + 36 * 8 * 9 + 9 * 4 * 72 + 60
    assert not program.edited
