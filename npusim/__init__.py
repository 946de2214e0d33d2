"""npusim: a bit-exact simulator, compiler and vector generator for integer NPU datapaths.

Importing it loads nothing heavy; each name below is fetched when it is first used.

Examples
--------
>>> import npusim
>>> npusim.load_datapath("wes_npu").mac.lanes
16
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from npusim.compiler import compile_network as compile
    from npusim.datapath import Datapath, load_datapath
    from npusim.errors import CheckFailed, InputError, NpusimError
    from npusim.importers import import_model
    from npusim.network import Network, load_network
    from npusim.program import Program, load_program
    from npusim.simulator import Result, Simulator, simulate
    from npusim.sweep.load import load_sweep
    from npusim.sweep.run import run_sweep

__version__ = "0.1.0"

_HOMES = {
    "CheckFailed": "npusim.errors",
    "Datapath": "npusim.datapath",
    "InputError": "npusim.errors",
    "Network": "npusim.network",
    "NpusimError": "npusim.errors",
    "Program": "npusim.program",
    "Result": "npusim.simulator",
    "Simulator": "npusim.simulator",
    "compile": "npusim.compiler:compile_network",
    "import_model": "npusim.importers",
    "load_datapath": "npusim.datapath",
    "load_network": "npusim.network",
    "load_program": "npusim.program",
    "load_sweep": "npusim.sweep.load",
    "run_sweep": "npusim.sweep.run",
    "simulate": "npusim.simulator",
}

__all__ = [
    "CheckFailed",
    "Datapath",
    "InputError",
    "Network",
    "NpusimError",
    "Program",
    "Result",
    "Simulator",
    "compile",
    "import_model",
    "load_datapath",
    "load_network",
    "load_program",
    "load_sweep",
    "run_sweep",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'npusim' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
