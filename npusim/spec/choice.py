"""Where the greatest code stands: a comparison of codes, as a max pool is (W6)."""

from __future__ import annotations

from collections.abc import Sequence


def argmax(codes: Sequence[int]) -> int:
    """The index of the greatest code, the first one of several.

    Examples
    --------
    >>> argmax([3, 7, 7])
    1
    """
    return max(range(len(codes)), key=lambda index: (codes[index], -index))
