"""The errors of layers that a datapath cannot compute."""

from __future__ import annotations

from npusim.datapath.model import Datapath
from npusim.errors import InputError


def host_only(datapath: Datapath, layer: str, tensor: str) -> InputError:
    """The layer runs on the host, behind the program's last tensor (W8)."""
    return InputError(
        f"{layer} runs on the host: the datapath {datapath.name} has no such operation",
        key="layer",
        found=layer,
        allowed=f"a network that ends before it, with {tensor} as an output",
    )
