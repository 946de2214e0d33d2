"""Resizes of images, and mirrored padding, which picks pixels likewise."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt

from npusim.geometry import image_shape
from npusim.importers.tflite.builder import Builder
from npusim.importers.tflite.graph import Operator
from npusim.importers.tflite.scales import half_away
from npusim.steps.resize_bilinear import ResizeBilinearStep
from npusim.steps.resize_float32 import ResizeFloat32Step
from npusim.steps.resize_nearest import ResizeNearestStep

Words = npt.NDArray[np.int64]

_BITS = 10
_UNIT = 1 << _BITS


def _modes(operator: Operator) -> tuple[bool, bool]:
    corners, centers = bool(operator.integer("AlignCorners")), bool(operator.integer("HalfPixelCenters"))
    if corners and centers:
        raise operator.error("align_corners and half_pixel_centers exclude each other")
    return corners, centers


def _sizes(operator: Operator, builder: Builder) -> tuple[str, list[tuple[int, int]]]:
    """The input, and (old, new) of rows and columns."""
    value = builder.value(operator, 0)
    old = image_shape(builder.shape(value))
    new = builder.integers(operator, 1)
    if len(new) != 2 or min(new) < 1:
        raise operator.error("not a size", found=new, allowed="rows and columns")
    return value, [(old[0], new[0]), (old[1], new[1])]


def _truncated(numerator: int, denominator: int) -> int:
    """C's division."""
    return numerator // denominator if numerator >= 0 else -(-numerator // denominator)


def integer_places(old: int, new: int, corners: bool, centers: bool) -> tuple[Words, Words]:
    """Of each new row the first old one, and the second one's weight in units of 2**-10."""
    scale = (_UNIT * old + new // 2) // new
    if corners and new > 1:
        scale = (_UNIT * (old - 1) + (new - 1) // 2) // (new - 1)
    first, weights = [], []
    for place in range(new):
        scaled = place * scale + (scale // 2 - _UNIT // 2 if centers else 0)
        low = max(_truncated(scaled, _UNIT), 0)
        high = min(_truncated(scaled + _UNIT - 1, _UNIT), old - 1)
        first.append(low)
        # Before the first and behind the last pixel both are the same one: weights do not matter.
        weights.append(scaled - low * _UNIT if high > low else 0)
    return np.array(first, np.int64), np.array(weights, np.int64)


def float_places(old: int, new: int, corners: bool, centers: bool) -> tuple[Words, Words, Words]:
    """Of each new row both old ones, and the bits of the second one's weight, in single precision."""
    single, half = np.float32, np.float32(0.5)
    scale = single(single(old) / single(new))
    if corners and new > 1:
        scale = single(single(old - 1) / single(new - 1))
    first, second, weights = [], [], []
    for place in range(new):
        value = single(single(place) * scale)
        if centers:
            value = single(single(single(single(place) + half) * scale) - half)
        low = max(floor(value), 0)
        first.append(low)
        second.append(min(ceil(value), old - 1))
        weights.append(single(value - single(low)))
    patterns = np.array(weights, single).view(np.uint32).astype(np.int64)
    return np.array(first, np.int64), np.array(second, np.int64), patterns


def _bilinear(operator: Operator, builder: Builder) -> None:
    value, sizes = _sizes(operator, builder)
    modes, name = _modes(operator), builder.output(operator).name
    if builder.tensor(operator, 0).kind == "UINT8":
        rows, columns = (float_places(old, new, *modes) for old, new in sizes)
        made = builder.add(
            ResizeFloat32Step,
            name,
            (value,),
            first_rows=rows[0],
            second_rows=rows[1],
            row_weights=rows[2],
            first_columns=columns[0],
            second_columns=columns[1],
            column_weights=columns[2],
        )
    else:
        (first_rows, row_weights), (first_columns, column_weights) = (
            integer_places(old, new, *modes) for old, new in sizes
        )
        codes = builder.datapath.activation.interval
        made = builder.add(
            ResizeBilinearStep,
            name,
            (value,),
            rows=first_rows,
            row_weights=row_weights,
            columns=first_columns,
            column_weights=column_weights,
            fields={"low": codes.low, "high": codes.high},
        )
    builder.finish(operator, made)


def nearest_places(old: int, new: int, corners: bool, centers: bool) -> Words:
    """Of each new row the old one that is copied."""
    single = np.float32
    scale = single(single(old) / single(new))
    if corners and new > 1:
        scale = single(single(old - 1) / single(new - 1))
    offset = single(0.5 if centers else 0.0)
    places = []
    for place in range(new):
        value = single(single(single(place) + offset) * scale)
        found = half_away(value) if corners else floor(value)
        places.append(max(min(found, old - 1), 0))
    return np.array(places, np.int64)


def _nearest(operator: Operator, builder: Builder) -> None:
    value, sizes = _sizes(operator, builder)
    rows, columns = (nearest_places(old, new, *_modes(operator)) for old, new in sizes)
    name = builder.output(operator).name
    builder.finish(operator, builder.add(ResizeNearestStep, name, (value,), rows=rows, columns=columns))


def _mirror_pad(operator: Operator, builder: Builder) -> None:
    """Rows and columns repeated in reverse, the outermost ones too (symmetric) or not (reflect)."""
    value, y = builder.value(operator, 0), builder.output(operator)
    pads = np.array(builder.integers(operator, 1), np.int64).reshape(-1, 2)
    if len(pads) != 4 or pads[0].any() or pads[3].any():
        raise operator.error("only rows and columns of images can be mirrored", found=pads.tolist())
    mode = {0: "reflect", 1: "symmetric"}.get(operator.integer("Mode"))
    rows, columns, _ = image_shape(builder.shape(value))
    room = np.array([[rows], [columns]]) - (mode == "reflect")
    if mode is None or np.any(pads < 0) or np.any(pads[1:3] > room):
        raise operator.error("more padding than there are pixels to mirror", found=pads.tolist())
    places = [
        np.pad(np.arange(size), tuple(pair), mode=mode)  # type: ignore[call-overload]
        for size, pair in zip((rows, columns), pads[1:3].tolist(), strict=True)
    ]
    made = builder.add(ResizeNearestStep, y.name, (value,), rows=places[0], columns=places[1])
    builder.finish(operator, made)


CONVERTERS = {"MIRROR_PAD": _mirror_pad, "RESIZE_BILINEAR": _bilinear, "RESIZE_NEAREST_NEIGHBOR": _nearest}
