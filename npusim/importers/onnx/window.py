"""Windows as ONNX describes them: explicit pads, auto_pad, ceil_mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.importers.onnx.graph import OnnxNode

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Window:
    """A window over one or two axes; with one, rows come first: one row, all columns.

    Attributes
    ----------
    padding
        (before, after) per axis.
    overhang
        Whether `after` was enlarged for ceil_mode.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Pads
    overhang: bool = False


def read_window(node: OnnxNode, size: Sequence[int], kernel: Sequence[int]) -> Window:
    """The window of a convolution or pool over axes of the lengths `size`."""
    count = len(kernel)
    if count not in {1, 2} or len(size) != count:
        raise node.error("windows over one or two axes are supported", found=len(size))
    stride = per_axis(node, "strides", count, 1)
    dilation = per_axis(node, "dilations", count, 1)
    reach = [(taps - 1) * spread + 1 for taps, spread in zip(kernel, dilation, strict=True)]
    pads = _pads(node, size, reach, stride)
    grown = pads
    if node.integer("ceil_mode", 0):
        grown = tuple(_ceil_pads(*axis) for axis in zip(size, reach, stride, pads, strict=True))
    first = [(1,), (1,), (1,), ((0, 0),)] if count == 1 else [(), (), (), ()]
    return Window(
        kernel=_pair((*first[0], *kernel)),
        stride=_pair((*first[1], *stride)),
        dilation=_pair((*first[2], *dilation)),
        padding=(*first[3], *grown),
        overhang=grown != pads,
    )


def per_axis(node: OnnxNode, name: str, count: int, default: int) -> tuple[int, ...]:
    """An attribute with a positive number per axis."""
    values = node.integers(name) or (default,) * count
    if len(values) != count or min(values) < default:
        raise node.error(
            f"the attribute {name} does not fit", found=values, allowed=f"{count} numbers from {default}"
        )
    return values


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return values[0], values[1]


def explicit_pads(node: OnnxNode, count: int) -> Pads:
    """The attribute `pads`."""
    values = node.integers("pads") or (0,) * (2 * count)
    if len(values) != 2 * count or min(values) < 0:
        raise node.error(
            "the attribute pads does not fit", found=values, allowed=f"{2 * count} numbers from 0"
        )
    return tuple((values[axis], values[axis + count]) for axis in range(count))


def _pads(node: OnnxNode, size: Sequence[int], reach: Sequence[int], stride: Sequence[int]) -> Pads:
    kind = node.text("auto_pad", "NOTSET")
    if kind == "NOTSET":
        return explicit_pads(node, len(size))
    if kind == "VALID":
        return ((0, 0),) * len(size)
    if kind not in {"SAME_UPPER", "SAME_LOWER"}:
        raise node.error("no such auto_pad", found=kind)
    pads = []
    for length, taps, step in zip(size, reach, stride, strict=True):
        total = max((-(-length // step) - 1) * step + taps - length, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if kind == "SAME_UPPER" else (large, small))
    return tuple(pads)


def transposed_pads(
    node: OnnxNode, size: Sequence[int], kernel: Sequence[int]
) -> tuple[Pads, tuple[int, ...]]:
    """Pads and output padding of a transposed convolution.

    An output shape says the pads' sum, and what is missing to it is output padding; auto_pad takes off what
    is more than the input's length times the stride.
    """
    count = len(size)
    stride, extra = per_axis(node, "strides", count, 1), per_axis(node, "output_padding", count, 0)
    dilation = per_axis(node, "dilations", count, 1)
    kind = node.text("auto_pad", "NOTSET")
    if kind not in {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}:
        raise node.error("no such auto_pad", found=kind)
    wanted = node.integers("output_shape")
    if wanted is None and kind in {"NOTSET", "VALID"}:
        return (explicit_pads(node, count) if kind == "NOTSET" else ((0, 0),) * count), extra
    lengths = wanted or tuple(length * step for length, step in zip(size, stride, strict=True))
    if len(lengths) != count or min(lengths) < 1:
        raise node.error("the output shape does not fit", found=lengths, allowed=f"{count} numbers from 1")
    pads, added = [], []
    for axis, length in enumerate(lengths):
        full = (size[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 + extra[axis]
        total = max(full - length, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if kind == "SAME_UPPER" else (large, small))
        missing = max(length - full, 0)
        if wanted is not None and missing >= stride[axis]:
            raise node.error("the output shape does not fit", found=lengths, allowed=f"at most {full}")
        added.append(extra[axis] if wanted is None else extra[axis] + missing)
    return tuple(pads), tuple(added)


def _ceil_pads(length: int, reach: int, step: int, pads: tuple[int, int]) -> tuple[int, int]:
    """Pads with which rounding down gives what rounding up gave; no window starts in the padding behind."""
    before, after = pads
    steps = -(-(length + before + after - reach) // step)
    if steps * step >= length + before:
        steps -= 1
    return before, max(steps * step + reach - length - before, after)
