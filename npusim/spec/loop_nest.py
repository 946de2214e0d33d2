"""A6: in which order a step's products reach its MAC columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Tap = tuple[int, int, int]
"""(row, column, channel) of the input, relative to nothing: an input coordinate, maybe in the padding."""


@dataclass(frozen=True)
class Window:
    """How a kernel walks over an input: everything in (rows, columns).

    `pad_before` is the padding above and left of the input.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad_before: tuple[int, int] = (0, 0)

    def at(self, row: int, column: int, ky: int, kx: int) -> tuple[int, int]:
        """The input coordinate of kernel position (ky, kx) for an output pixel."""
        return (
            row * self.stride[0] - self.pad_before[0] + ky * self.dilation[0],
            column * self.stride[1] - self.pad_before[1] + kx * self.dilation[1],
        )


Product = tuple[int, int, int]
"""(ky, kx, channel within the group): one product's place in the kernel."""


def conv2d_beats(kernel: tuple[int, int], channels: int, lanes: int) -> Iterator[tuple[Product, ...]]:
    """conv2d: kh, kw, then ci in blocks of `lanes`; blocks do not straddle taps.

    `channels` are those of one group. The missing lanes of a partial block are zero: left out.

    Examples
    --------
    >>> [len(beat) for beat in conv2d_beats((1, 2), channels=5, lanes=4)]
    [4, 1, 4, 1]
    """
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            for start in range(0, channels, lanes):
                yield tuple((ky, kx, ci) for ci in range(start, min(start + lanes, channels)))


def depthwise_beats(kernel: tuple[int, int], lanes: int) -> Iterator[tuple[Product, ...]]:
    """Depthwise: taps kh, kw in blocks of `lanes`, one channel a column.

    Examples
    --------
    >>> [len(beat) for beat in depthwise_beats((3, 3), lanes=4)]
    [4, 4, 1]
    """
    taps = [(ky, kx, 0) for ky in range(kernel[0]) for kx in range(kernel[1])]
    for start in range(0, len(taps), lanes):
        yield tuple(taps[start : start + lanes])


def dense_beats(features: int, lanes: int) -> Iterator[tuple[Product, ...]]:
    """Dense and matmul: ci-blocks."""
    return conv2d_beats((1, 1), features, lanes)
