"""A commented starter project: what ``npusim init`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from npusim.errors import InputError
from npusim.files.atomic import write_bytes

_CONFIGS = Path(__file__).parent / "configs"
_SOURCES = {
    "README.md": "starter/README.md",
    "network.yaml": "starter/network.yaml",
    "network.h5": "starter/network.h5",
    "datapath.yaml": "starter/datapath.yaml",
    "recipe.yaml": "starter/recipe.yaml",
    "calibration.h5": "networks/digits_calibration.h5",
    "test.h5": "networks/digits_test.h5",
}


@dataclass(frozen=True)
class Written:
    """What was written, and the names of those files that were there before."""

    files: list[Path]
    replaced: list[str]


def write_starter(folder: Path, *, replace: bool = False) -> Written:
    """Write the project's files.

    Raises
    ------
    InputError
        If one of them is there already and is not to be replaced: then nothing is written.
    """
    present = [name for name in _SOURCES if (folder / name).exists()]
    if present and not replace:
        raise InputError(
            "is there already; nothing was written",
            file=folder / present[0],
            allowed="another folder, or --force to replace it",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", file=folder) from None
    for name, source in _SOURCES.items():
        write_bytes(folder / name, (_CONFIGS / source).read_bytes())
    return Written([folder / name for name in _SOURCES], present)


def commands() -> list[str]:
    """The commands of its README, in order."""
    lines = (_CONFIGS / _SOURCES["README.md"]).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("npusim ")]
