"""Bias fine-tuning: gradients against differences of exact sums, and answers that come closer to float."""

from __future__ import annotations

import numpy as np
import pytest

import npusim
from npusim import reference
from npusim.compiler import straight_through
from npusim.compiler.base import Compilation
from npusim.compiler.passes.fine_tune_bias import FineTuneBias
from npusim.compiler.recipe import load_recipe
from npusim.demo import bundled, load_images
from npusim.errors import InputError
from npusim.layers.conv2d import Conv2d
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.network import Network, load_network
from npusim.simulator import Simulator
from npusim.steps.mac import MacStep
from tests.compiler.networks import images, residual, some
from tests.compiler.networks import network as small

torch = pytest.importorskip("torch", reason="PyTorch is not installed: bias fine-tuning needs it")

NETWORK = load_network(bundled("digits_rescaled.yaml"))
IMAGES, _ = load_images("digits_calibration.h5")


def compiled(network: Network, data: np.ndarray, recipe: str = "layerwise") -> Compilation:
    real = reference.real_inputs(network, data)
    state = Compilation(network, npusim.load_datapath("wes_npu"), real)
    for step in load_recipe(recipe).passes:
        state = step.run(state)
    return state


def test_forward_is_the_simulator() -> None:
    program = compiled(residual(), images(4)).program
    assert program is not None
    codes = Simulator(program).run(images(4)).outputs
    inputs = npusim.simulate(program, images(4)).outputs
    assert all(np.array_equal(codes[name], inputs[name]) for name in codes)
    from npusim.input_codes import to_codes

    made = straight_through.Run(program, to_codes(program, images(4)))
    for name, values in made.outputs.items():
        assert np.array_equal(
            values.detach().numpy(), straight_through.real_values(program, name, codes[name])
        )


def test_gradients_follow_the_integers() -> None:
    """A bias moved by many units moves the integer answers as the gradient says, on the average."""
    program = compiled(residual(), images(16), "wes").program
    assert program is not None
    from npusim.input_codes import to_codes

    codes = to_codes(program, images(16))
    macs = [step for step in program.ordered_steps if isinstance(step, MacStep)]
    run = straight_through.Run(program, codes)
    made = run.outputs["head"]
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=made.shape).astype(np.float32))
    (made * weights).sum().backward()
    gradients = run.gradients()
    for step in (macs[0], macs[-2], macs[-1]):  # conv, side, head
        gradient = gradients[step.name]
        channel = int(gradient.abs().argmax())
        unit = program.real.tensors[step.output].scale
        answers = []
        for sign in (1, -1):
            bias = step.bias.copy()
            bias[channel] += sign * round(2 * unit / program.real.accumulators[step.name][channel])
            moved = program.replace(
                steps=tuple(s.replace(bias=bias) if s.name == step.name else s for s in program.steps)
            )
            outputs = Simulator(moved).run(codes).outputs["head"]
            answers.append((straight_through.real_values(program, "head", outputs) * weights.numpy()).sum())
        slope = (answers[0] - answers[1]) / (4 * unit)
        assert slope == pytest.approx(float(gradient[channel]), rel=0.35)


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((0, 1), (2, 0))])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
@pytest.mark.parametrize("depthwise", [False, True])
def test_a_convolution_is_led_back_as_pytorch_does(
    depthwise: bool, stride: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    """Against its automatic gradient of the forward convolution, with the program's real weights."""
    kind = DepthwiseConv2d if depthwise else Conv2d
    weights = some(3, 3, 2, 1 if depthwise else 3, seed=4)
    first = Conv2d(name="a", inputs=("x",), weights=some(3, 1, 1, 3), output="m")
    layer = kind(name="b", inputs=("m",), weights=weights, stride=stride, padding=padding)
    program = compiled(small([first, layer], ["b"]), images(2)).program
    assert program is not None
    from npusim.input_codes import to_codes

    run = straight_through.Run(program, to_codes(program, images(2)))
    step = next(step for step in program.steps if step.name == "b")
    assert isinstance(step, MacStep)
    real = (
        torch.from_numpy(
            (step.weights * np.float64(program.real.accumulators["b"]).reshape(-1, 1, 1, 1)).astype(
                np.float32
            )
        )
        / program.real.tensors["m"].scale
    )
    leaf = torch.zeros(2, 3, 6, 6, requires_grad=True)
    (top, bottom), (left, right) = padding
    padded = torch.nn.functional.pad(leaf, (left, right, top, bottom))
    made = torch.nn.functional.conv2d(
        padded, real.permute(0, 3, 1, 2), stride=stride, groups=3 if depthwise else 1
    )
    gradient = torch.from_numpy(some(*made.shape, seed=9).astype(np.float32))
    made.backward(gradient)
    (pulled,) = straight_through.pulled(step, gradient, run.place)
    np.testing.assert_allclose(pulled.numpy(), leaf.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_answers_come_closer_to_float() -> None:
    state = compiled(NETWORK, IMAGES[:60])
    tuned = FineTuneBias(steps=30, batch=16, rate=0.1, judge_every=10).run(state)
    assert state.program is not None
    assert tuned.program is not None
    others = IMAGES[60:]
    wanted = reference.run(NETWORK, others)["classifier"]

    def error(program: npusim.Program) -> float:
        made = npusim.simulate(program, others).dequantized["classifier"]
        return float(np.square(made - wanted).mean())

    assert error(tuned.program) < 0.8 * error(state.program)
    assert "biases were fine-tuned" in tuned.notes[-1]
    before = {step.name: step for step in state.program.steps}
    for step in tuned.program.steps:
        if isinstance(step, MacStep):
            assert step.replace(bias=before[step.name].bias) == before[step.name]  # type: ignore[attr-defined]


def test_it_never_gets_worse_by_its_own_measure() -> None:
    state = compiled(NETWORK, IMAGES[:20])
    tuned = FineTuneBias(steps=2, batch=4, rate=1e3, judge_every=1).run(state)  # steps far too long
    assert tuned.program == state.program


def test_what_is_missing_is_said() -> None:
    bare = Compilation(NETWORK, npusim.load_datapath("wes_npu"))
    with pytest.raises(InputError, match="run lower first"):
        FineTuneBias().run(bare)
    state = compiled(NETWORK, IMAGES[:8])
    with pytest.raises(InputError, match="needs calibration data"):
        FineTuneBias().run(state.with_(calibration=None))
    with pytest.raises(InputError, match="too few calibration images"):
        FineTuneBias(held_out=0.01).run(state)
