"""Activation functions that exporters take apart are recognised by what they compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.importers.models import Model, assert_same


def hard_swish(m: Model, x: str) -> str:
    inner = m.add("Clip", m.add("Add", x, m.constant(3)), m.constant(0), m.constant(6))
    return m.add("Div", m.add("Mul", x, inner), m.constant(6))


def hard_swish_by_hard_sigmoid(m: Model, x: str) -> str:
    return m.add("Mul", m.add("HardSigmoid", x, alpha=1 / 6, beta=0.5), x)


def hard_swish_by_sixths(m: Model, x: str) -> str:
    inner = m.add("Min", m.add("Relu", m.add("Add", m.constant(3), x)), m.constant(6))
    return m.add("Mul", x, m.add("Mul", inner, m.constant(1 / 6)))


def silu(m: Model, x: str) -> str:
    return m.add("Mul", x, m.add("Sigmoid", x))


def silu_by_exp(m: Model, x: str) -> str:
    return m.add("Div", x, m.add("Add", m.add("Exp", m.add("Neg", x)), m.constant(1)))


def gelu(m: Model, x: str) -> str:
    inner = m.add("Add", m.add("Erf", m.add("Div", x, m.constant(np.sqrt(2)))), m.constant(1))
    return m.add("Mul", m.add("Mul", x, inner), m.constant(0.5))


def gelu_by_tanh(m: Model, x: str) -> str:
    cube = m.add("Mul", m.add("Pow", x, m.constant(3)), m.constant(0.044715))
    inner = m.add("Tanh", m.add("Mul", m.add("Add", x, cube), m.constant(np.sqrt(2 / np.pi))))
    return m.add("Mul", m.add("Mul", m.constant(0.5), x), m.add("Add", inner, m.constant(1)))


def mish(m: Model, x: str) -> str:
    return m.add("Mul", x, m.add("Tanh", m.add("Softplus", x)))


FORMS = {
    hard_swish: "hard_swish",
    hard_swish_by_hard_sigmoid: "hard_swish",
    hard_swish_by_sixths: "hard_swish",
    silu: "silu",
    silu_by_exp: "silu",
    gelu: "gelu",
    gelu_by_tanh: "gelu",
    mish: "mish",
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_forms(form, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model = Model(x=(1, 3, 4, 5))
    x = model.add("Conv", "x", model.weights(4, 3, 1, 1))
    made = model.add("Conv", form(model, x), model.weights(2, 4, 1, 1))
    assert_same(model, tmp_path, made, layers=["conv2d", FORMS[form], "conv2d"])


def test_what_is_nearly_a_function_stays_apart(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    scaled = model.add("Mul", "x", model.constant(1.01))
    made = model.add("Mul", "x", model.add("Sigmoid", scaled))
    assert_same(model, tmp_path, made, layers=["batch_norm", "sigmoid", "mul"])


def test_a_part_that_others_read_stays_apart(tmp_path: Path) -> None:
    model = Model(x=(1, 3, 4, 5))
    gate = model.add("Sigmoid", "x")
    assert_same(model, tmp_path, model.add("Mul", "x", gate), gate, layers=["sigmoid", "mul"])


def test_softmax_at_the_end_is_left_to_the_host(tmp_path: Path) -> None:
    model = Model(x=(1, 6))
    logits = model.add("Gemm", "x", model.weights(6, 4))
    made = model.add("Reshape", model.add("Softmax", logits), model.integers(1, 4))
    path = model.save(tmp_path, made)
    from npusim.importers import import_network

    network = import_network(path)
    assert [layer.layer for layer in network.layers] == ["dense"]  # type: ignore[attr-defined]
    assert network.outputs == (made,)
    assert network.source is not None
    assert "logits" in network.notes[0]
