"""Sensitivities add up to the whole, budgets hold, and narrow layers are those that bear it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import npusim
from npusim import reference
from npusim.compiler.allocation import Option, allocate
from npusim.compiler.recipe import Recipe
from npusim.compiler.sensitivity import OUTPUT, Judge, shares
from npusim.compiler.suffix import suffix
from npusim.demo import bundled, load_images
from npusim.errors import InputError
from npusim.layers.softmax import Softmax
from npusim.network import load_network
from tests.compiler.networks import images, residual

NETWORK = load_network(bundled("digits_rescaled.yaml"))
IMAGES, _ = load_images("digits_calibration.h5")
REAL = reference.real_inputs(NETWORK, IMAGES[:16])

OPTIONS = st.lists(st.builds(Option, st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=3)


def recipe(**changes: Any) -> Recipe:
    chosen = {"pass": "mixed_precision", "scheme": "shift_scaler", "budget": 0.7, **changes}
    first = [{"pass": name} for name in ("fold_batch_norm", "fuse_activations", "activation_ranges")]
    return Recipe.model_validate(
        {"name": "mixed", "title": "mixed", "passes": [*first, chosen, {"pass": "lower"}]}
    )


@given(st.dictionaries(st.sampled_from("abcd"), OPTIONS, min_size=1), st.integers(4, 80))
def test_the_budget_holds_and_little_is_lost(options: dict[str, list[Option]], budget: int) -> None:
    chosen = allocate(options, budget)
    least = sum(min(option.cost for option in found) for found in options.values())
    spent = sum(options[name][index].cost for name, index in chosen.items())
    damage = sum(options[name][index].damage for name, index in chosen.items())
    assert spent <= max(budget, least)
    # Enumeration: the best of all choices within the budget is at most one upgrade better.
    names = list(options)
    choices = [
        sum(o.damage for o in pick)
        for pick in product(*(options[name] for name in names))
        if sum(o.cost for o in pick) <= max(budget, least)
    ]
    step = max(max(o.damage for o in found) - min(o.damage for o in found) for found in options.values())
    assert damage <= min(choices) + step * len(names)
    if budget >= sum(max(o.cost for o in found) for found in options.values()):
        assert damage == min(choices)


@pytest.mark.parametrize("made_by", ["layerwise", "dfq"])
def test_shares_add_up_to_the_programs_noise(made_by: str) -> None:
    program = npusim.compile(NETWORK, "wes_npu", made_by, IMAGES)
    found = shares(NETWORK, program, REAL)
    assert [share.step for share in found] == [*(s.name for s in program.ordered_steps), OUTPUT]
    wanted = reference.run(NETWORK, REAL)["classifier"].astype(np.float64)
    made = npusim.simulate(program, REAL).dequantized["classifier"]
    noise = np.square(made - wanted).sum() / np.square(wanted - wanted.mean()).sum()
    assert sum(share.noise for share in found) == pytest.approx(noise, rel=1e-6)


def test_the_layers_that_were_spoilt_cost_most() -> None:
    """digits_rescaled is digits with the channels of two depthwise layers scaled apart."""
    program = npusim.compile(NETWORK, "wes_npu", "layerwise", IMAGES)
    ranked = sorted(shares(NETWORK, program, REAL), key=lambda share: -share.noise)
    assert {share.step for share in ranked[:2]} == {"dw2", "dw3"}


def test_answers_that_the_host_goes_on_with() -> None:
    """The program ends before a softmax: its answers are what the softmax reads."""
    softmax = Softmax(name="chances", inputs=("classifier",))
    longer = NETWORK.replace(layers=(*NETWORK.layers, softmax), outputs=("chances",))
    program = npusim.compile(longer, "wes_npu", "wes", IMAGES[:16])
    assert program.output_names == ("classifier",)
    plain = npusim.compile(NETWORK, "wes_npu", "wes", IMAGES[:16])
    assert [s.noise for s in shares(longer, program, REAL)] == [s.noise for s in shares(NETWORK, plain, REAL)]
    other = NETWORK.replace(layers=NETWORK.layers[:-1], outputs=NETWORK.layers[-2].outputs)
    with pytest.raises(InputError, match="what the network does not have"):
        shares(other, plain, REAL)


def test_a_suffix_makes_the_same_bits() -> None:
    net = residual()
    program = npusim.compile(net, "wes_npu", "wes", images(8))
    steps = program.ordered_steps
    whole = npusim.simulate(program, images(4), taps=[f"{s.name}:output" for s in steps])
    inputs = reference.real_inputs(net, images(4))
    for first in range(1, len(steps)):
        rest = suffix(program, first)
        by_output = {s.output: whole.taps[s.name]["output"] for s in steps}
        known = {
            n: by_output[n] if n in by_output else npusim.input_codes.to_codes(program, inputs)[n]
            for n in rest.input_names
        }
        assert np.array_equal(npusim.simulate(rest, known).outputs["head"], whole.outputs["head"])


@settings(max_examples=4)
@given(st.sampled_from([0.55, 0.7, 0.85, 1.0]))
def test_bit_operations_stay_in_the_budget(budget: float) -> None:
    program = npusim.compile(NETWORK, "wes_npu", recipe(budget=budget), IMAGES[:32])
    spent = whole = 0
    for step in program.steps:
        if hasattr(step, "weights"):
            products = step.macs(program.input_types(step), program.tensors[step.output])
            bits = 4 if np.abs(step.weights.astype(int)).max() <= 7 else 8
            spent, whole = spent + products * bits, whole + products * 8
    assert spent <= budget * whole
    assert spent > (budget - 0.2) * whole


def test_better_than_narrow_everywhere() -> None:
    wanted = Judge(NETWORK, REAL)
    noise = [
        wanted.of(npusim.compile(NETWORK, "wes_npu", recipe(budget=b), IMAGES[:32])) for b in (0.5, 0.75)
    ]
    assert noise[1] < noise[0] / 2


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="no choice is so cheap"):
        npusim.compile(NETWORK, "wes_npu", recipe(budget=0.3), IMAGES[:8])
    with pytest.raises(InputError, match="narrower"):
        npusim.compile(NETWORK, "wes_npu", recipe(options=[{"bits": 16}, {"bits": 8}]), IMAGES[:8])
    with pytest.raises(InputError, match="calibration"):
        npusim.compile(NETWORK, "wes_npu", recipe())
