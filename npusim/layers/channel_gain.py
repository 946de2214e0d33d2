"""A gain and an offset per channel as a layer with weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npusim.layers.dense import Dense
from npusim.layers.depthwise_conv2d import DepthwiseConv2d
from npusim.layers.mac_layer import MacLayer
from npusim.model import Shape

Vector = npt.NDArray[np.float64]


def channel_gain(
    name: str,
    tensor: str,
    shape: Shape,
    gain: Vector,
    offset: Vector | None = None,
    output: str | None = None,
) -> MacLayer:
    """``gain * x + offset`` over the last axis of a tensor: one tap per channel.

    Of an image a depthwise convolution; else a dense layer with the gains on its diagonal.
    """
    if len(shape) == 3:
        taps = gain.reshape(-1, 1, 1, 1)
        return DepthwiseConv2d(name=name, inputs=(tensor,), output=output, weights=taps, bias=offset)
    return Dense(name=name, inputs=(tensor,), output=output, weights=np.diag(gain), bias=offset)
