"""Long names made short for tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

_LEAST = 3
"""A prefix is left out if at least so many names have it."""


def shortened(names: Sequence[str]) -> tuple[dict[str, str], str]:
    """Names without the folders that most of them begin with, and a line that says so (or nothing).

    Examples
    --------
    >>> shortened(["net/block/a", "net/block/b", "net/block/c", "other"])
    ({'net/block/a': '~/a', 'net/block/b': '~/b', 'net/block/c': '~/c', 'other': 'other'}, '~ is net/block')
    """
    nested = [name for name in names if "/" in name]
    prefix = ""
    if len(nested) >= max(_LEAST, len(names) / 2):
        folders = [name.split("/")[:-1] for name in nested]
        shared = takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))
        prefix = "/".join(level[0] for level in shared)
    if not prefix:
        return {name: name for name in names}, ""
    short = {name: f"~{name.removeprefix(prefix)}" if name in nested else name for name in names}
    return short, f"~ is {prefix}"
