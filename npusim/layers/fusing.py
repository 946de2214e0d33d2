"""Layers that can clip their own result: the activation function in the rescale's clamp."""

from __future__ import annotations

from npusim.layers.base import Layer
from npusim.layers.lowering import Clip


class FusingLayer(Layer):
    """Base of layers whose rescale ends in a clamp.

    Attributes
    ----------
    clip
        Bounds of a fused activation function; None: it has none.
    """

    clip: Clip | None = None
