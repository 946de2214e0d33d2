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


@dataclass(frozen=True)
class TransposedWindow:
    """How a transposed convolution reads its input: as the convolution of the zero-inserted input.

    `crop_before` is what is taken off above and left of the full output. Kernel positions are those of
    the transposed convolution: (0, 0) reaches the upper left pixel. The convolution walks over its
    kernel in order, which is this one from its end to its start.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    crop_before: tuple[int, int] = (0, 0)

    def reads(self, place: int, axis: int) -> list[tuple[int, int]]:
        """(kernel position, input coordinate) in order, along one axis, for an output coordinate.

        Positions between two inputs are inserted zeros: skipped. Coordinates may be in the padding.

        Examples
        --------
        >>> TransposedWindow((4, 4), (2, 2)).reads(3, axis=0)
        [(3, 0), (1, 1)]
        """
        found = []
        for k in reversed(range(self.kernel[axis])):
            inserted = place + self.crop_before[axis] - k * self.dilation[axis]
            if inserted % self.stride[axis] == 0:
                found.append((k, inserted // self.stride[axis]))
        return found

    def at(self, row: int, column: int, ky: int, kx: int) -> tuple[int, int]:
        """The input coordinate of a kernel position that is not skipped for an output pixel."""
        return dict(self.reads(row, 0))[ky], dict(self.reads(column, 1))[kx]


def transposed_beats(
    window: TransposedWindow, pixel: tuple[int, int], channels: int, lanes: int
) -> Iterator[tuple[Product, ...]]:
    """Transposed convolution: kh, kw, then ci in blocks of `lanes`; inserted zeros are skipped.

    Examples
    --------
    >>> window = TransposedWindow((3, 3), (2, 2))
    >>> [len(list(transposed_beats(window, pixel, 16, 16))) for pixel in ((0, 0), (0, 1), (1, 1))]
    [4, 2, 1]
    """
    for ky, _ in window.reads(pixel[0], 0):
        for kx, _ in window.reads(pixel[1], 1):
            for start in range(0, channels, lanes):
                yield tuple((ky, kx, ci) for ci in range(start, min(start + lanes, channels)))


def dense_beats(features: int, lanes: int) -> Iterator[tuple[Product, ...]]:
    """Dense and matmul: ci-blocks."""
    return conv2d_beats((1, 1), features, lanes)
