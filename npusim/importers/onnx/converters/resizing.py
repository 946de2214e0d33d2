"""Resize."""

from __future__ import annotations

from fractions import Fraction

from npusim.importers.onnx.builder import Builder, Tensor
from npusim.importers.onnx.graph import OnnxNode
from npusim.importers.onnx.registry import Converter

_COORDINATES = {
    "half_pixel": "half_pixel",
    "pytorch_half_pixel": "half_pixel",
    "asymmetric": "asymmetric",
    "align_corners": "align_corners",
}
_ROUNDINGS = {
    "round_prefer_floor": "half_down",
    "round_prefer_ceil": "half_up",
    "floor": "floor",
    "ceil": "ceil",
}
_MODES = {"nearest": "nearest", "linear": "bilinear"}


def _choice(node: OnnxNode, name: str, default: str, known: dict[str, str]) -> str:
    value = node.text(name, default)
    if value not in known:
        raise node.error(f"no such {name}", found=value, allowed=", ".join(known))
    return known[value]


def resize(node: OnnxNode, builder: Builder) -> Tensor:
    """Resize of rows and columns to constant sizes."""
    x = builder.tensor(node)
    if x.rank != 4 or x.shape[0] != 1:
        raise node.error("resizing of images is supported", found=x.shape)
    if node.integer("antialias", 0) or node.integer("exclude_outside", 0):
        raise node.error("no such resizing", found="antialias or exclude_outside")
    mode = _choice(node, "mode", "nearest", _MODES)
    coordinates = _choice(node, "coordinate_transformation_mode", "half_pixel", _COORDINATES)
    rounding = _choice(node, "nearest_mode", "round_prefer_floor", _ROUNDINGS)
    sizes = _sizes(node, builder, x)
    # which axes are rows and columns: exporters of NHWC models resize axes 1 and 2
    axes = (2, 3) if sizes[1] == x.shape[1] else (1, 2)
    channels = 1 if axes == (2, 3) else 3
    if sizes[0] != x.shape[0] or sizes[channels] != x.shape[channels]:
        raise node.error("only rows and columns can be resized", found=sizes, allowed=f"as in {x.shape}")
    order = (*axes, channels)
    name, stored = builder.take(node, x, order)
    size = (sizes[axes[0]], sizes[axes[1]])
    made = builder.emit(
        node, "resize", (name,), size=size, interpolation=mode, coordinates=coordinates, rounding=rounding
    )
    return builder.result(node, made, [stored], order)


def _sizes(node: OnnxNode, builder: Builder, x: Tensor) -> tuple[int, ...]:
    """The output's shape, from sizes or from scales that give whole sizes."""
    axes = node.integers("axes") or tuple(range(x.rank))
    made = list(x.shape)
    if node.has_input(3):
        values: list[float] = list(map(float, builder.integers(node, 3)))
        if node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise node.error(
                "no such policy", found=node.text("keep_aspect_ratio_policy", ""), allowed="stretch"
            )
    else:
        scales = builder.constant(node, 2).reshape(-1)
        values = [float(s) * x.shape[axis] for s, axis in zip(scales, axes, strict=False)]
    if len(values) != len(axes) or any(not -x.rank <= axis < x.rank for axis in axes):
        raise node.error("one size per axis is wanted", found=len(values))
    for axis, value in zip(axes, values, strict=True):
        whole = round(value)
        if abs(Fraction(value) - whole) > Fraction(1, 1000) or not 1 <= whole <= 1 << 20:
            raise node.error("scales that give whole sizes are supported", found=value, allowed="sizes")
        made[axis] = whole
    return tuple(made)


CONVERTERS: dict[str, Converter] = {"Resize": resize}
