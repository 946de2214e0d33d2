"""A4: what arithmetic did besides its value."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """One thing a stage did to one value."""

    ROUNDED = "rounded"
    """Bits other than zero were shifted out."""
    TIE = "tie"
    """What was shifted out was exactly one half."""
    SATURATED_LOW = "saturated_low"
    """Clipped at the low end of a width."""
    SATURATED_HIGH = "saturated_high"
    """Clipped at the high end of a width."""
    WRAPPED = "wrapped"
    """Reduced modulo a power of two."""
    ACTIVATION = "activation"
    """Clipped at a bound of a fused activation function."""


Events = frozenset[Event]
NO_EVENTS: Events = frozenset()
