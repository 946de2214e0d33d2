"""Single changes to a datapath's data, by path: how variants and sweeps are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from npusim.errors import InputError

_PATH = re.compile(r"([A-Za-z_][\w+-]*)|\[(\d+)\]")


def parse_path(path: str) -> list[str | int]:
    """Split ``pipelines.mac.result[1].rounding`` into its keys and indices.

    Examples
    --------
    >>> parse_path("pipelines.mac.result[1].rounding")
    ['pipelines', 'mac', 'result', 1, 'rounding']
    """
    parts: list[str | int] = []
    for piece in path.split("."):
        found = list(_PATH.finditer(piece))
        if not found or "".join(match.group(0) for match in found) != piece:
            raise InputError("not a path to a key", found=path, allowed="such as mac.accumulator.bits")
        parts += [match.group(1) or int(match.group(2)) for match in found]
    return parts


def apply_changes(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `data` with the value at each path replaced.

    The last key of a path may be new in a mapping; everything before it must exist.

    Raises
    ------
    InputError
        If a path leads nowhere.
    """
    changed: dict[str, Any] = deepcopy(dict(data))
    for path, value in changes.items():
        *way, last = parse_path(path)
        place: Any = changed
        for part in way:
            place = _step(place, part, path)
        if isinstance(place, list):
            _step(place, last, path)
        elif not isinstance(place, dict) or not isinstance(last, str):
            raise InputError("the path leads nowhere", key=path)
        place[last] = deepcopy(value)
    return changed


def _step(place: Any, part: str | int, path: str) -> Any:
    if isinstance(place, list) and isinstance(part, int) and part < len(place):
        return place[part]
    if isinstance(place, dict) and part in place:
        return place[part]
    close = get_close_matches(str(part), list(place), n=1) if isinstance(place, dict) else []
    hint = f"did you mean {close[0]!r}?" if close else None
    raise InputError(f"the path leads nowhere: nothing at {part!r}", key=path, allowed=hint)
