"""Images of no scene at all, with the spectrum of natural ones: inputs for where there are no data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.model import Shape
from npusim.network import Network

Bytes = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]

CONTRAST = 0.2
"""Standard deviation inside an image, as a share of the range of a byte."""
BRIGHTNESS = 0.1
"""Standard deviation of images' means. Together 0.22: what ImageNet's well-known constants say (0.225)."""
COLOUR = 0.1
"""The share of a channel's variance that is its own, not all channels'."""


def synthetic_inputs(network: Network, count: int, seed: int) -> dict[str, Values]:
    """Real inputs: for each input tensor so many synthetic images, through the preprocess block.

    Raises
    ------
    InputError
        If the network has no preprocess block: what a byte means is not known.
    """
    if network.preprocess is None:
        raise InputError(
            "the network's inputs are not known without data",
            key="preprocess",
            allowed="a preprocess block; or calibration data",
        )
    made = {}
    for index, tensor in enumerate(network.inputs):
        raw = synthetic_images(count, tensor.shape, np.random.default_rng([seed, index]))
        made[tensor.name] = np.asarray(network.preprocess.to_real(raw), np.float64)
    return made


def synthetic_images(count: int, shape: Shape, rng: np.random.Generator) -> Bytes:
    """Gaussian noise whose amplitude falls as 1/f, as that of natural images does (Field, 1987).

    Parameters
    ----------
    shape
        Of one image, channels last; all axes before them are space. Without any, values are independent.

    Examples
    --------
    >>> synthetic_images(2, (8, 8, 3), np.random.default_rng(0)).shape
    (2, 8, 8, 3)
    """
    space, channels = shape[:-1], shape[-1]
    made = np.empty((count, *shape), np.uint8)
    for index in range(count):
        shared = _noise(space, 1, rng)
        own = _noise(space, channels, rng)
        pattern = np.sqrt(1 - COLOUR) * shared + np.sqrt(COLOUR) * own
        level = 0.5 + BRIGHTNESS * rng.normal() + CONTRAST * pattern
        made[index] = np.clip(np.rint(255 * level), 0, 255).astype(np.uint8)
    return made


def _noise(space: Shape, channels: int, rng: np.random.Generator) -> Values:
    """Fields of mean 0 and variance 1, one per channel, last."""
    white = rng.normal(size=(*space, channels))
    if not space or min(space) < 2:
        return white
    axes = tuple(range(len(space)))
    frequencies = np.meshgrid(*(np.fft.fftfreq(size) for size in space), indexing="ij")
    radius = np.sqrt(sum(f**2 for f in frequencies))
    radius[(0,) * len(space)] = np.inf  # no mean
    spectrum = np.fft.fftn(white, axes=axes) / radius[..., None]
    field: Values = np.fft.ifftn(spectrum, axes=axes).real
    field /= field.std(axis=axes)
    return field
