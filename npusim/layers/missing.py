"""The error of a layer that a datapath cannot compute."""

from __future__ import annotations

from npusim.datapath.model import Datapath
from npusim.errors import InputError


def missing_pipeline(datapath: Datapath, operation: str) -> InputError:
    """The datapath has no such operation."""
    return InputError(
        f"the datapath {datapath.name} has no {operation} pipeline",
        key="layer",
        found=operation,
        allowed=", ".join(datapath.pipelines),
    )
