"""How raw data become the real numbers a network reads."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from npusim.errors import InputError
from npusim.model import Model, Size


class ChannelOrder(StrEnum):
    """The order of colour channels a network expects; data files are RGB."""

    RGB = "rgb"
    BGR = "bgr"


class Filter(StrEnum):
    """How image files are resized; Pillow's filters."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


class Fit(StrEnum):
    """How an image of another size comes to the network's."""

    CROP = "crop"
    """Cut about its centre."""
    PAD = "pad"
    """Padded about its centre with the mean."""
    STRETCH = "stretch"
    """Image files only: resized to the network's size, whatever their proportions."""


class Preprocess(Model):
    """``(raw - mean) / std``, one of each for all channels or one per channel.

    Attributes
    ----------
    mean, std
        In units of the raw data (bytes: 0..255), in the order of the data's channels.
    resize
        Image files only: the length of the shorter side, in pixels, before the cut. None: as short as
        covers the network's input.
    filter
        Image files only: None is bilinear.
    fit
        How images of another size come to the network's. None: image files are cut, arrays refused.
    """

    mean: Annotated[tuple[float, ...], Field(min_length=1)] = (0.0,)
    std: Annotated[tuple[float, ...], Field(min_length=1)] = (1.0,)
    channel_order: ChannelOrder = ChannelOrder.RGB
    resize: Size | None = None
    filter: Filter | None = None
    fit: Fit | None = None

    @model_validator(mode="after")
    def _usable(self) -> Preprocess:
        if not all(np.isfinite([*self.mean, *self.std])) or 0 in self.std:
            raise ValueError("mean and std must be finite, and std not zero")
        return self

    def per_channel(self, channels: int) -> list[tuple[Fraction, Fraction]]:
        """Exact (mean, std) of each of the data's channels."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {1, channels}:
                allowed = "1" if channels == 1 else f"1 or {channels}"
                raise InputError(
                    f"preprocess.{name} does not fit the data's channels",
                    found=len(values),
                    allowed=allowed,
                )
        means = [self.mean[c % len(self.mean)] for c in range(channels)]
        stds = [self.std[c % len(self.std)] for c in range(channels)]
        return [(Fraction(m), Fraction(s)) for m, s in zip(means, stds, strict=True)]

    def reorder(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The data with its channels in the network's order."""
        return data[..., ::-1] if self.channel_order is ChannelOrder.BGR else data

    def to_real(self, raw: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """What the float network reads, in the network's channel order."""
        pairs = self.per_channel(raw.shape[-1])
        mean = np.array([float(m) for m, _ in pairs])
        std = np.array([float(s) for _, s in pairs])
        return self.reorder((raw.astype(np.float64) - mean) / std)


def as_batch(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """An array of what a user gave for an input; raises InputError for nested lists that are none."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"the input {name} is no array: {error}") from None
