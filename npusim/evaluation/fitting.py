"""How samples as they are stored become what a network reads: windows of spectrograms, cut images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.preprocess import Fit, Preprocess

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Fitting:
    """Fits samples of one shape to a network's input.

    Spectrograms, frames x bins, become windows for a network that reads k * bins values: k frames side by
    side, one window for each start, as MLPerf Tiny cuts them for its autoencoder. Images of another size
    are cut or padded about their centre where `fit` says so.

    Attributes
    ----------
    inputs
        How many inputs of the network one sample makes.
    """

    def __init__(self, row: Shape, wanted: Shape, fit: Fit | None, preprocess: Preprocess | None) -> None:
        self._row, self._wanted, self._preprocess = row, wanted, preprocess
        self._fit = fit if fit is not None else None if preprocess is None else preprocess.fit
        self.inputs = 1
        self._frames = _frames(row, wanted)
        if self._frames is not None:
            self.inputs = row[0] - self._frames + 1
        elif row not in {wanted, (*wanted, 1), wanted[:-1] if wanted[-1] == 1 else wanted}:
            self._check_images()

    def _check_images(self) -> None:
        images = len(self._row) == len(self._wanted) == 3 and self._row[2] == self._wanted[2]
        if not images or self._fit not in {Fit.CROP, Fit.PAD}:
            ways = f"{Fit.CROP} or {Fit.PAD}"
            hint = f", or images of {self._wanted[2]} channels with --fit {ways}" if images else ""
            raise InputError(
                "the samples do not fit the network's input",
                found=list(self._row),
                allowed=f"{list(self._wanted)}{hint}",
            )

    @property
    def words(self) -> str | None:
        """What is done, for people; None if nothing is."""
        if self._frames is not None:
            return f"windows of {self._frames} frames, {self.inputs} a sample"
        if len(self._row) == len(self._wanted) == 3 and self._row != self._wanted:
            have, want = (f"{shape[0]} x {shape[1]}" for shape in (self._row, self._wanted))
            return f"{have} images: {self._fit} to {want}"
        return None

    def __call__(self, raw: Array) -> Array:
        """What the network reads, `inputs` of them for each sample, in order."""
        if self._frames is not None:
            found = np.lib.stride_tricks.sliding_window_view(raw, self._frames, axis=1)
            return np.moveaxis(found, -1, 2).reshape(-1, *self._wanted)
        if self._row == self._wanted or len(self._row) != 3 or self._row[0] * self._row[1] == 0:
            return raw.reshape(len(raw), *self._wanted)
        if self._row[:2] == self._wanted[:2]:
            return raw.reshape(len(raw), *self._wanted)
        return centred(raw, (self._wanted[0], self._wanted[1]), self.filling)

    @property
    def filling(self) -> Array:
        """What images are padded with: the preprocess block's mean, which the network reads as 0."""
        channels = self._wanted[-1]
        if self._preprocess is None:
            return np.zeros(channels)
        return np.array([float(mean) for mean, _ in self._preprocess.per_channel(channels)])


def _frames(row: Shape, wanted: Shape) -> int | None:
    """How many frames of (frames, bins) samples a network of one vector reads at once."""
    if len(row) != 2 or len(wanted) != 1 or wanted[0] % row[1]:
        return None
    frames = wanted[0] // row[1]
    return frames if frames <= row[0] else None


def centred(images: Array, size: tuple[int, int], filling: Array) -> Array:
    """Images cut, or padded, about their centre; NHWC, any number type.

    Examples
    --------
    >>> centred(np.arange(4).reshape(1, 1, 4, 1), (1, 2), np.zeros(1)).reshape(-1).tolist()
    [1, 2]
    >>> centred(np.ones((1, 1, 1, 1), int), (1, 3), np.full(1, 7.0)).reshape(-1).tolist()
    [7, 1, 7]
    """
    value = np.rint(filling) if np.issubdtype(images.dtype, np.integer) else filling
    made = np.empty((len(images), *size, images.shape[3]), images.dtype)
    made[...] = value.astype(images.dtype)
    source, target = [], []
    for have, want in zip(images.shape[1:3], size, strict=True):
        shared = min(have, want)
        source.append(slice((have - shared) // 2, (have - shared) // 2 + shared))
        target.append(slice((want - shared) // 2, (want - shared) // 2 + shared))
    made[:, target[0], target[1]] = images[:, source[0], source[1]]
    return made
