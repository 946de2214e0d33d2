"""Load a datapath: a preset by name, or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from npusim.datapath.changes import apply_changes, parse_path
from npusim.datapath.model import Datapath
from npusim.errors import InputError
from npusim.files.yaml_file import Document, read_yaml, validate

_PRESETS = Path(__file__).parent.parent / "configs" / "datapaths"
_MAX_EXTENDS = 4


def preset_names() -> list[str]:
    """The names of the datapaths that ship."""
    return sorted(path.stem for path in _PRESETS.glob("*.yaml"))


def load_datapath(source: str | Path | Datapath) -> Datapath:
    """Load a datapath.

    Parameters
    ----------
    source
        A preset's name or the path of a YAML file. A file may name another as ``extends`` and list
        what differs under ``set``, by path.

    Raises
    ------
    InputError
        If there is no such preset or file, or it is not a datapath that can be computed.

    Examples
    --------
    >>> load_datapath("wes_npu").mac.accumulator.bits
    32
    """
    if isinstance(source, Datapath):
        return source
    return validate(_resolved(_find(source), 0), Datapath)


def datapath_from(data: Mapping[str, Any], *, changes: Mapping[str, Any] | None = None) -> Datapath:
    """A datapath from plain data, with changes by path applied."""
    changed = apply_changes(data, changes or {})
    return validate(Document(None, changed, {}), Datapath)


def change_datapath(datapath: Datapath, changes: Mapping[str, Any], name: str) -> Datapath:
    """A copy of a datapath under a new name with the values at some paths replaced.

    Examples
    --------
    >>> narrow = {"mac.accumulator.bits": 24, "mac.bias.bits": 24}
    >>> change_datapath(load_datapath("wes_npu"), narrow, "narrow").mac.accumulator.bits
    24
    """
    data = datapath.model_dump(mode="json", exclude_none=True)
    return datapath_from(data, changes={**changes, "name": name})


def _find(source: str | Path) -> Path:
    path = Path(source)
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1:
        return path
    preset = _PRESETS / f"{source}.yaml"
    if preset.is_file():
        return preset
    close = get_close_matches(str(source), preset_names(), n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise InputError(
        "no such datapath",
        found=str(source),
        allowed=f"{hint}a path ending in .yaml, or one of: {', '.join(preset_names())}",
    )


def _resolved(path: Path, depth: int) -> Document:
    """A document with its `extends` and `set` carried out."""
    document = read_yaml(path)
    if not isinstance(document.data, dict) or "extends" not in document.data:
        return document
    if depth == _MAX_EXTENDS:
        raise InputError("too many datapaths extend each other", file=path, allowed=str(_MAX_EXTENDS))
    own = dict(document.data)
    base_name, changes = own.pop("extends"), own.pop("set", {})
    if not isinstance(base_name, str) or not isinstance(changes, dict):
        raise InputError(
            "`extends` names a datapath and `set` maps paths to values",
            file=path,
            line=document.line(("extends",)),
        )
    try:
        base_path = _find(base_name)
    except InputError as error:
        raise error.at(file=path, line=document.line(("extends",)), key="extends") from None
    if base_path == Path(base_name):
        base_path = path.parent / base_path
    base = _resolved(base_path, depth + 1)
    if not isinstance(base.data, dict):
        raise InputError("not a datapath", file=base_path, line=1)
    try:
        data = apply_changes({**base.data, **own}, changes)
    except InputError as error:
        raise error.at(file=path, line=document.line(("set", error.key or ""))) from None
    lines = {tuple(parse_path(change)): document.line(("set", change)) or 1 for change in changes}
    return Document(path, data, {**document.lines, **lines})
