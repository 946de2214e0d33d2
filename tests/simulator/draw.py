"""Hypothesis strategies: mac steps on datapaths that differ in everything a MAC array can differ in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import change_datapath
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.steps.fields import Activation
from npusim.steps.mac import MacOperation, MacStep

_WHOLE = load_datapath("wes_npu")
WES = _WHOLE.replace(pipelines={"mac": _WHOLE.pipelines["mac"]})
"""Only what a MAC step reads: other pipelines would bind the operands' widths."""


@dataclass(frozen=True)
class MacCase:
    """A step, the datapath it runs on, and a batch of codes."""

    step: MacStep
    datapath: Datapath
    x: npt.NDArray[Any]


@st.composite
def mac_datapaths(draw: st.DrawFn) -> Datapath:
    """Operand widths, accumulators from narrow to wide, trees, bias places, zero points, roundings."""
    bits = draw(st.sampled_from([4, 8, 16]))
    weight_bits = draw(st.sampled_from([4, 8, 16] if bits == 16 else [4, 8]))
    # 16-bit operands: the multiplier is narrowed so that products stay in 64 bits.
    accumulator = draw(st.sampled_from([8, 12, 16, 20, 24, 32, 40, 48]))
    changes: dict[str, Any] = {
        "activation.bits": bits,
        "weight.bits": weight_bits,
        "weight.low": None,
        "weight.zero_point": True,
        "mac.lanes": draw(st.sampled_from([1, 2, 3, 16])),
        "mac.zero_point": draw(st.sampled_from(["folded", "subtract"])),
        "mac.accumulator": {"bits": accumulator, "overflow": draw(st.sampled_from(["saturate", "wrap"]))},
        "mac.bias": {"bits": min(accumulator, 32), "place": draw(st.sampled_from(["preload", "late"]))},
        "fields.multiplier.bits": 15,
        "scale.magnitude_bits": 15,
        "fields.multiplier.per": "channel",
        "fields.weight_zero": {"bits": weight_bits, "signed": True, "per": "channel"},
        "pipelines.mac.result[0].bits": None,
        "pipelines.mac.result[1].rounding": draw(st.sampled_from(Rounding)).value,
    }
    for name in ("x_zero", "y_zero", "low", "high"):
        changes[f"fields.{name}.bits"] = bits
    if draw(st.booleans()):
        tree = {"bits": draw(st.integers(6, 24)), "overflow": draw(st.sampled_from(["saturate", "wrap"]))}
        changes["mac.tree"] = tree
    return change_datapath(WES, changes, "drawn")


@st.composite
def mac_cases(draw: st.DrawFn) -> MacCase:
    """A mac step with extremes among its codes."""
    datapath = draw(mac_datapaths())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    operation = draw(st.sampled_from(MacOperation))
    channels, groups = draw(st.integers(1, 5)), 1
    per_group, outputs = channels, draw(st.integers(1, 5))
    kernel, stride, dilation = (1, 1), (1, 1), (1, 1)
    padding = ((0, 0), (0, 0))
    if operation is not MacOperation.DENSE:
        kernel = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
        stride, dilation = (draw(st.tuples(st.integers(1, 2), st.integers(1, 2))) for _ in range(2))
        padding = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2))
    if operation is MacOperation.DEPTHWISE_CONV2D:
        per_group, outputs = 1, channels * draw(st.integers(1, 3))
    elif operation is MacOperation.CONV2D:
        groups = draw(st.sampled_from([1, 2, 3]))
        per_group, channels, outputs = channels, channels * groups, outputs * groups
    size = [(k - 1) * d + draw(st.integers(1, 3)) for k, d in zip(kernel, dilation, strict=True)]
    rows = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    shape = (*rows, channels) if operation is MacOperation.DENSE else (*size, channels)
    x = codes(rng, datapath.activation.interval, (2, *shape)).astype(datapath.activation.dtype)
    weight_shape = (outputs, per_group) if operation is MacOperation.DENSE else (outputs, *kernel, per_group)
    weights = codes(rng, datapath.weight.interval, weight_shape).astype(datapath.weight.dtype)
    step = MacStep(
        name="mac",
        inputs=("x",),
        output="y",
        operation=operation,
        weights=weights,
        bias=codes(rng, Interval.of(datapath.mac.bias.register), (outputs,)) >> int(rng.integers(0, 20)),
        stride=stride,
        dilation=dilation,
        padding=padding,
        groups=groups,
        fields=_fields(rng, datapath, outputs),
        activation=draw(st.sampled_from(Activation)),
    )
    return MacCase(step, datapath, x)


def _fields(rng: np.random.Generator, datapath: Datapath, outputs: int) -> dict[str, Any]:
    codes_of = datapath.activation.interval
    low, high = sorted(int(v) for v in codes(rng, codes_of, (2,)))
    return {
        "multiplier": codes(rng, Interval(0, 2**15 - 1), (outputs,)),
        "shift": int(rng.choice([0, 1, 12, 20, 40, 63])),
        "inverse_shift": codes(rng, Interval(0, 15), (outputs,)),
        "x_zero": int(codes(rng, codes_of, (1,))[0]),
        "y_zero": int(codes(rng, codes_of, (1,))[0]),
        "weight_zero": codes(rng, datapath.weight.interval, (outputs,)),
        "low": low if rng.integers(2) else codes_of.low,
        "high": high if rng.integers(2) else codes_of.high,
    }


def codes(rng: np.random.Generator, allowed: Interval, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Random codes; a third of them extremes."""
    made = rng.integers(allowed.low, allowed.high + 1, shape)
    kind = rng.integers(0, 6, shape)
    return np.where(kind == 0, allowed.low, np.where(kind == 1, allowed.high, made)).astype(np.int64)
