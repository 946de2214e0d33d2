"""How much time may be spent on loops over whole accumulator ranges."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 30.0
"""What such loops may take if nobody says."""


class Budget:
    """So many seconds from now on, and whom to tell how far it is.

    Parameters
    ----------
    progress
        Told how many channels of how many are decided.
    """

    def __init__(
        self, seconds: float, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        self._end = time.monotonic() + seconds
        self.progress = progress

    @property
    def spent(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self._end

    def share(self, among: int) -> Budget:
        """What is left, divided by so many."""
        return Budget(max(self._end - time.monotonic(), 0) / among, self.progress)
