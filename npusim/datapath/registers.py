"""Whether a multiplier's registers mean the same on two datapaths."""

from __future__ import annotations

from npusim.datapath.model import Datapath
from npusim.spec.scale import Part

_SPLIT = {Part.LEFT, Part.RIGHT, Part.FIRST}
"""Parts of the shift that depend on the pivot."""


def conflict(left: Datapath, right: Datapath) -> str | None:
    """The first register that both scale recipes fill, but with different things; None: there is none.

    Examples
    --------
    >>> from npusim.datapath import load_datapath
    >>> conflict(load_datapath("tflite"), load_datapath("tflite_single_round"))
    'shift'
    """
    ours, theirs = left.scale, right.scale
    for name, part in ours.parts.items():
        other = theirs.parts.get(name, part)
        if other is not part or (part in _SPLIT and ours.pivot != theirs.pivot):
            return name
    return None
