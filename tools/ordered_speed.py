"""How fast the ordered accumulator is, by operation, operands and registers, on layers of MobileNetV1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.geometry import Geometry
from npusim.kernels.mac import accumulate_ordered
from npusim.kernels.packed import Nest, pack
from npusim.spec.mac import BiasPlace, Column
from npusim.spec.width import Overflow, Width
from tools.timing import best, table


@dataclass(frozen=True)
class Layer:
    """A layer's shape, named after MobileNetV1-0.75's."""

    name: str
    side: int
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    depthwise: bool = False


LAYERS = (
    Layer("conv1, 3x3", 224, 3, 24, 3, 2),
    Layer("conv_dw_3, depthwise 3x3", 56, 96, 96, 3, depthwise=True),
    Layer("conv_pw_6, 1x1", 14, 192, 384, 1),
    Layer("a 3x3 convolution", 28, 64, 64, 3),
    Layer("conv_preds, dense", 1, 768, 1000, 1),
)


def _column(bits: int, tree: int | None = None, place: BiasPlace = BiasPlace.PRELOAD) -> Column:
    width = None if tree is None else Width(tree)
    return Column(Width(bits), Overflow.SATURATE, place, width, Overflow.SATURATE)


COLUMNS = {
    "16 bits": (_column(16), 16),
    "20 bits": (_column(20), 16),
    "20 bits, tree of 18": (_column(20, 18), 16),
    "20 bits, late bias": (_column(20, None, BiasPlace.LATE), 16),
    "20 bits, 4 lanes": (_column(20), 4),
    "20 bits, 1 lane": (_column(20), 1),
    "40 bits": (_column(40), 16),
}
"""Saturating registers, 16 lanes unless said otherwise."""

TYPES: tuple[tuple[npt.DTypeLike, npt.DTypeLike], ...] = (
    (np.int8, np.int8),
    (np.uint8, np.uint8),
    (np.int16, np.int8),
    (np.int16, np.int16),
)
"""Sums of int16 by int16 leave 32 bits."""


def rates(repetitions: int) -> list[str]:
    """GMAC/s of one core."""
    rows: list[list[Any]] = []
    for layer in LAYERS:
        for x_type, weight_type in TYPES:
            found = [_rate(layer, x_type, weight_type, *column, repetitions) for column in COLUMNS.values()]
            name = f"{np.dtype(x_type)} x {np.dtype(weight_type)}"
            rows.append([layer.name, name, *(f"{rate:.1f}" for rate in found)])
    return table(["layer, GMAC/s", "operands", *COLUMNS], rows)


def _rate(
    layer: Layer,
    x_type: npt.DTypeLike,
    weight_type: npt.DTypeLike,
    column: Column,
    lanes: int,
    repetitions: int,
) -> float:
    random, pad = np.random.default_rng(0), layer.kernel // 2
    out = (layer.side + 2 * pad - layer.kernel) // layer.stride + 1
    shape = (layer.outputs, layer.kernel, layer.kernel, 1 if layer.depthwise else layer.inputs)
    greatest = 30000 if weight_type == np.int16 else 60
    weights = random.integers(0 if weight_type == np.uint8 else -greatest, greatest + 1, shape)
    weights = weights.astype(weight_type)
    limits = np.iinfo(np.dtype(x_type))  # type: ignore[type-var]
    x = random.integers(
        max(limits.min, -200), min(limits.max, 200) + 1, (layer.side, layer.side, layer.inputs)
    )
    nest = Nest.DEPTHWISE if layer.depthwise else Nest.CONV2D
    groups = layer.inputs if layer.depthwise else 1
    packed = pack(weights, x_type, nest=nest, groups=groups, weight_zero=30 if weight_type == np.uint8 else 0)
    geometry = Geometry((layer.kernel,) * 2, (out, out), (layer.stride,) * 2, (1, 1), (pad, pad))
    bias, codes = random.integers(-999, 999, layer.outputs), x.astype(x_type)
    seconds = best(lambda: accumulate_ordered(codes, packed, bias, geometry, column, lanes), repetitions)
    return float(out * out * np.prod(shape) / seconds / 1e9)
