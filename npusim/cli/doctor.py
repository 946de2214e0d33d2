"""``npusim doctor``."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

import typer

from npusim.cli import options

_PACKAGES = (
    "numpy",
    "numba",
    "llvmlite",
    "h5py",
    "pydantic",
    "onnx",
    "onnxruntime",
    "pillow",
    "ai-edge-litert",
    "torch",
)
_TOOLS = ("iverilog", "verilator", "yosys")


def doctor(
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what lay unused in npusim's cache folder for long.")
    ] = False,
    unused_days: Annotated[
        float, typer.Option("--unused-days", min=0, help="How long, with --prune.")
    ] = 90.0,
    json: options.Json = False,
) -> None:
    """Say what is installed, which instruction sets and simulators there are."""
    from npusim.cli.tables import print_table

    found = _examine()
    if prune:
        found["pruned"] = _prune(unused_days)
    if json:
        from json import dumps

        typer.echo(dumps(found))
        return
    typer.echo(f"npusim {found['npusim']}, Python {found['python']}, {found['processors']} processors")
    typer.echo(f"instruction sets: {', '.join(found['instruction_sets'])}; used: {found['instruction_set']}")
    typer.echo(f"compiled kernels are kept in {found['kernel_cache']}")
    if prune:
        typer.echo(f"removed from the cache: {len(found['pruned'])}")
        for path in found["pruned"]:
            typer.echo(f"  {path}")
    print_table(("package", "version"), [(n, v or "not installed") for n, v in found["packages"].items()])
    print_table(("tool", "path"), [(n, p or "not found") for n, p in found["tools"].items()])


def _examine() -> dict[str, Any]:
    import os
    import platform

    import npusim
    from npusim.kernels import cache, isa

    return {
        "npusim": npusim.__version__,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "instruction_sets": [found.value for found in isa.available()],
        "instruction_set": isa.selected().value,
        "kernel_cache": str(cache.folder()),
        "packages": {name: _version(name) for name in _PACKAGES},
        "tools": {name: shutil.which(name) for name in _TOOLS},
    }


def _prune(days: float) -> list[str]:
    from npusim.user_cache import prune

    return [str(path) for path in prune(days)]


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
