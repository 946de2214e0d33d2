"""Where a convolution's patches lie in the image, or in its copy with padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.kernels.geometry import Geometry
from npusim.kernels.ops import Words
from npusim.kernels.packed import Packed
from npusim.kernels.tiled.image import SLACK

_BAND_BYTES = 1 << 17
"""Of a copied image: it is read again from the second-level cache."""


@dataclass(frozen=True, eq=False)
class Segments:
    """The codes under one kernel row lie side by side in memory: they are read where they are.

    Attributes
    ----------
    made
        Whether the image is copied: for its padding, for what is read beyond its end, or to int16.
    offsets : int64[segments]
        Byte offsets from the patch.
    steps
        Groups of four bytes a segment, the last of which may reach beyond it: there weights are zero.
    columns
        Of the image that is read.
    extent
        Rows and columns a window reaches over.
    band
        Output pixels whose input is copied at once.
    scratch_bytes
        Of the copied image.
    """

    made: bool
    offsets: npt.NDArray[np.int64]
    steps: int
    columns: int
    extent: tuple[int, int]
    band: int
    scratch_bytes: int

    @classmethod
    def of(cls, geometry: Geometry, size: tuple[int, int], packed: Packed, element: int) -> Segments:
        """Those of a step; `element`: bytes of a code where it is read."""
        kernel, dilation, stride = geometry.kernel, geometry.dilation, geometry.stride
        pixel = packed.inputs
        extent = (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1
        needed = [(geometry.out[a] - 1) * stride[a] + extent[a] for a in (0, 1)]
        by_row = dilation[1] == 1 and packed.groups == 1
        length = element * (kernel[1] if by_row else 1) * int(packed.weights.shape[3])
        steps = -(-length // 4)
        beyond = 4 * steps - length
        inside = geometry.pad_before == (0, 0) and needed[0] <= size[0] and needed[1] <= size[1]
        spare = needed[0] < size[0] or needed[1] < size[1]
        whole = inside and (beyond == 0 or (spare and beyond <= pixel))
        made = not whole or element != packed.x_dtype.itemsize
        columns = max(needed[1], geometry.pad_before[1] + 1) if made else size[1]
        taps = range(1) if by_row else range(kernel[1])
        offsets = [
            (ky * dilation[0] * columns + kx * dilation[1]) * pixel * element
            for ky in range(kernel[0])
            for kx in taps
        ]
        row = columns * pixel * element
        rows = max(1, min(geometry.out[0], _BAND_BYTES // (stride[0] * row)))
        band = rows * geometry.out[1] if made else geometry.pixels
        # A band that begins within a row touches one row more.
        most = min(rows + 1, geometry.out[0])
        scratch = ((most - 1) * stride[0] + extent[0]) * row + SLACK if made else 0
        return cls(made, np.array(offsets, np.int64), steps, columns, extent, band, scratch)

    def rows_of(self, weights: Words, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """dtype[outputs, all steps]: weights as the segments meet them, zeros where they reach beyond."""
        outputs, segments = weights.shape[0], len(self.offsets)
        flat = weights.reshape(outputs, segments, -1)
        rows = np.zeros((outputs, segments, 4 * self.steps // np.dtype(dtype).itemsize), dtype)
        rows[:, :, : flat.shape[2]] = flat
        return rows.reshape(outputs, -1)
