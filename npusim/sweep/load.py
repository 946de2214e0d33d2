"""Load a sweep: one that ships by name, or a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from npusim.errors import InputError
from npusim.files.yaml_file import Document, Location, read_yaml, validate
from npusim.sweep.model import Sweep

_SWEEPS = Path(__file__).parent.parent / "configs" / "sweeps"


@dataclass(frozen=True)
class SweepFile:
    """A sweep and the file it came from.

    Attributes
    ----------
    folder
        What the paths of its networks and data are relative to.
    """

    sweep: Sweep
    document: Document
    folder: Path

    def error(self, error: InputError, location: Location) -> InputError:
        """The same error with the place in this file, unless it names a place in another one."""
        placed = self.document.error(error.problem, location, found=error.found, allowed=error.allowed)
        return error if error.file is not None else placed

    def replace(self, **changes: Any) -> SweepFile:
        """The same with other content; paths in it are relative to the current folder."""
        given = {key: value for key, value in changes.items() if value not in (None, [], ())}
        return SweepFile(self.sweep.replace(**given), self.document, self.folder)


def sweep_names() -> list[str]:
    """The names of the sweeps that ship."""
    return sorted(path.stem for path in _SWEEPS.glob("*.yaml"))


def load_sweep(source: str | Path) -> SweepFile:
    """Load a sweep.

    Parameters
    ----------
    source
        The name of one that ships, or a path.

    Raises
    ------
    InputError
        If there is none, or it is not a sweep.

    Examples
    --------
    >>> load_sweep("rounding").sweep.datapaths
    ('wes_npu',)
    """
    path = Path(source)
    if path.suffix not in {".yaml", ".yml"} and len(path.parts) == 1:
        path = _SWEEPS / f"{source}.yaml"
        if not path.is_file():
            close = get_close_matches(str(source), sweep_names(), n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            allowed = f"{hint}a path ending in .yaml, or one of: {', '.join(sweep_names())}"
            raise InputError("no such sweep", found=str(source), allowed=allowed)
    document = read_yaml(path)
    return SweepFile(validate(document, Sweep), document, path.parent)
