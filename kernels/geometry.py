"""How a window walks over an image: everything in (rows, columns)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.kernels.jit import readonly
from npusim.spec.loop_nest import Window

PARAMETERS = 10
"""Kernel rows, columns; stride; dilation; padding above, left; output rows, columns."""


@dataclass(frozen=True)
class Geometry:
    """A convolution's or a pool's window and output size.

    Parameters
    ----------
    kernel
        Window size.
    out
        Output size.
    stride, dilation
        Steps of the window, and between its taps.
    pad_before
        Padding above and left of the input; what the output size needs beyond it lies below and right.
    """

    kernel: tuple[int, int]
    out: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad_before: tuple[int, int] = (0, 0)

    @classmethod
    def dense(cls) -> Geometry:
        """A dense layer: a 1x1 convolution of a 1x1 image."""
        return cls((1, 1), (1, 1))

    @property
    def pixels(self) -> int:
        """Output pixels of one image."""
        return self.out[0] * self.out[1]

    @property
    def taps(self) -> int:
        """Window positions."""
        return self.kernel[0] * self.kernel[1]

    @property
    def window(self) -> Window:
        """The spec's window."""
        return Window(self.kernel, self.stride, self.dilation, self.pad_before)

    @cached_property
    def parameters(self) -> npt.NDArray[np.int64]:
        """int64[PARAMETERS]: what kernels read."""
        pairs = (self.kernel, self.stride, self.dilation, self.pad_before, self.out)
        return readonly([number for pair in pairs for number in pair], np.int64)
