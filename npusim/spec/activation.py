"""Which bounds of a clamp belong to a fused activation function (A4)."""

from __future__ import annotations

from enum import IntFlag


class ActivationBounds(IntFlag):
    """The bounds of a clamp that an activation function set; the rest is the code range."""

    NONE = 0
    LOW = 1
    HIGH = 2
    BOTH = 3
