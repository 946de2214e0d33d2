"""What one output of a mac step shall read."""

from __future__ import annotations

from dataclasses import dataclass

from npusim.analysis.columns import PixelClass


@dataclass(frozen=True)
class Window:
    """What one output of a channel shall read.

    Attributes
    ----------
    inside
        Which pixels may be used: those of this class.
    codes
        By product, in the order of the channel's terms; None: it does not matter.
    """

    channel: int
    inside: PixelClass
    codes: tuple[int | None, ...]
