"""What a shell completes: names of presets and recipes. Read from folder listings: nothing is loaded."""

from __future__ import annotations

from pathlib import Path

_CONFIGS = Path(__file__).parent.parent / "configs"


def complete_datapath(incomplete: str) -> list[str]:
    """Presets that begin so; paths are left to the shell."""
    return _names("datapaths", incomplete)


def complete_recipe(incomplete: str) -> list[str]:
    """Recipes that begin so."""
    return _names("recipes", incomplete)


def _names(folder: str, incomplete: str) -> list[str]:
    names = sorted(path.stem for path in (_CONFIGS / folder).glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]
