"""Strict YAML: one reader for every YAML file, each value with its line.

The reader takes YAML 1.2 scalars and refuses what makes YAML surprising or dangerous:
anchors and aliases, tags, duplicate keys, keys that are not strings, several documents,
deep nesting and huge files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from npusim.errors import InputError
from npusim.files.explain import Location, dotted, explain, parse_dotted
from npusim.files.yaml_dump import dump_yaml
from npusim.files.yaml_limits import MAX_BYTES, MAX_DEPTH, MAX_NODES
from npusim.files.yaml_scalars import resolve

__all__ = ["Document", "Location", "dump_yaml", "parse_yaml", "read_yaml", "validate"]

Model = TypeVar("Model", bound=BaseModel)

_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_TOO_DEEP = "nested too deeply"
_PARSER_TOO_DEEP = "exceeded maximum nesting depth"
"""What libyaml 0.2.6 says of brackets nested some thousand deep, before it tells of the first."""


@dataclass(frozen=True)
class Document:
    """A parsed YAML file.

    Attributes
    ----------
    path
        The file, or None for text from elsewhere.
    data
        Mappings, lists, strings, integers, finite floats, booleans, None.
    lines
        1-based line by location such as ``("layers", 3, "stride")``. List items that stand on
        the line of their list have no entry of their own: ask :meth:`line`.
    """

    path: Path | None
    data: Any
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int | None:
        """The line of a location, or of its nearest ancestor that is known."""
        for length in range(len(location), -1, -1):
            line = self.lines.get(location[:length])
            if line is not None:
                return line
        return None

    def error(
        self, problem: str, location: Location, *, found: object = None, allowed: str | None = None
    ) -> InputError:
        """An error that names this file, and the line and key of a location."""
        return InputError(
            problem,
            file=self.path,
            line=self.line(location),
            key=dotted(location) or None,
            found=found,
            allowed=allowed,
        )


def read_yaml(path: str | PathLike[str]) -> Document:
    """Read a YAML file.

    Raises
    ------
    InputError
        Missing, unreadable, binary or too large files, and everything :func:`parse_yaml` refuses.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError("is a folder, not a YAML file", file=path)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError("file not found", file=path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=path) from None
    if len(content) > MAX_BYTES:
        raise InputError("file too large", file=path, allowed=f"up to {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError("not UTF-8 text", file=path, line=line) from None
    return parse_yaml(text, path)


def parse_yaml(text: str, source: str | PathLike[str] | None = None) -> Document:
    r"""Parse YAML text; `source` names it in errors.

    Raises
    ------
    InputError
        With file and line: syntax errors, aliases, tags, duplicate keys, keys that are not
        strings, numbers that are not finite, more than one document, deep nesting, no content.

    Examples
    --------
    >>> document = parse_yaml("layers:\n- kind: conv2d\n  stride: 2\n")
    >>> document.data
    {'layers': [{'kind': 'conv2d', 'stride': 2}]}
    >>> document.line(("layers", 0, "stride"))
    3
    """
    path = None if source is None else Path(source)
    odd = _NOT_TEXT.search(text)
    if odd is not None:
        line = text.count("\n", 0, odd.start()) + 1
        raise InputError("not a text file", file=path, line=line, found=odd.group())
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = None if mark is None else mark.line + 1
        if error.problem == _PARSER_TOO_DEEP:
            allowed = f"up to {MAX_DEPTH} levels"
            raise InputError(_TOO_DEEP, file=path, line=place, allowed=allowed) from None
        raise InputError(f"not valid YAML: {error.problem}", file=path, line=place) from None
    except yaml.YAMLError as error:
        raise InputError(f"not valid YAML: {error}", file=path) from None
    except InputError as error:
        raise error.at(file=path) from None
    if not builder.finished:
        raise InputError("the file is empty", file=path, line=1)
    return Document(path, builder.root, builder.lines)


def validate(document: Document, model: type[Model], context: Mapping[str, Any] | None = None) -> Model:
    """Turn a document into a pydantic model, strictly: 8.0, "8" and true are not 8.

    Parameters
    ----------
    context
        Handed to validators as ``info.context``.

    Raises
    ------
    InputError
        One error for the most telling problem: file, line, key, found, allowed.
    """
    text = json.dumps(document.data, allow_nan=False)
    try:
        return model.model_validate_json(text, strict=True, context=context)
    except ValidationError as error:
        location, problem = explain(error, document.data, model)
        raise problem.at(file=document.path, line=document.line(location)) from None
    except InputError as error:
        location = parse_dotted(error.key or "")
        # A key that is relative to some inner model tells no line of this file.
        known = bool(location) and location[:1] in document.lines
        line = document.line(location) if known else None
        raise error.at(file=document.path, line=line) from None


class _Builder:
    """Builds data and line map from parser events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.finished = False
        self.lines: dict[Location, int] = {}
        self._containers: list[Any] = []
        self._location: list[str | int] = []
        self._keys: list[str | None] = []
        self._nodes = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._check_node(event, line)
            self._scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._check_node(event, line)
            self._open({} if isinstance(event, yaml.MappingStartEvent) else [], line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            raise self._error("aliases are not allowed", line, found=f"*{event.anchor}")
        elif isinstance(event, yaml.DocumentStartEvent) and self.finished:
            raise InputError("one document a file", line=line, found="a second document")

    def _check_node(self, event: Any, line: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise InputError(
                "too many values", line=line, allowed=f"up to {MAX_NODES}; arrays belong in HDF5"
            )
        if event.anchor is not None:
            raise self._error("anchors are not allowed", line, found=f"&{event.anchor}")
        if event.tag is not None:
            raise self._error("tags are not allowed", line, found=event.tag)

    def _error(
        self, problem: str, line: int, *, found: object = None, allowed: str | None = None
    ) -> InputError:
        key = dotted(tuple(self._location)) or None
        return InputError(problem, line=line, key=key, found=found, allowed=allowed)

    def _awaits_key(self) -> bool:
        return bool(self._containers) and isinstance(self._containers[-1], dict) and self._keys[-1] is None

    def _scalar(self, event: Any, line: int) -> None:
        value: Any = event.value
        if event.implicit[0]:
            try:
                value = resolve(event.value)
            except ValueError as error:
                raise self._error(str(error), line, found=event.value) from None
        if self._awaits_key():
            self._key(value, line)
        else:
            self._place(value, line)
            self._placed()

    def _key(self, key: Any, line: int) -> None:
        if not isinstance(key, str):
            raise self._error("keys must be strings", line, found=key, allowed="the same in quotes")
        self._location.append(key)
        if key in self._containers[-1]:
            first = self.lines[tuple(self._location)]
            raise self._error(f"duplicate key (first on line {first})", line)
        self._keys[-1] = key
        self.lines[tuple(self._location)] = line

    def _place(self, value: Any, line: int) -> None:
        """Put a value where it belongs; afterwards the location is the value's own."""
        if not self._containers:
            self.root = value
            self.finished = True
            self.lines[()] = line
            return
        parent = self._containers[-1]
        if isinstance(parent, dict):
            parent[self._keys[-1]] = value
            return
        self._location.append(len(parent))
        parent.append(value)
        if isinstance(value, (dict, list)) or line != self._line_of_list():
            self.lines[tuple(self._location)] = line

    def _line_of_list(self) -> int | None:
        return self.lines.get(tuple(self._location[:-1]))

    def _placed(self) -> None:
        """Leave the value just placed."""
        if self._containers:
            self._location.pop()
            self._keys[-1] = None

    def _open(self, container: Any, line: int) -> None:
        if self._awaits_key():
            raise self._error("keys must be strings", line, found=type(container).__name__)
        if len(self._containers) >= MAX_DEPTH:
            raise self._error(_TOO_DEEP, line, allowed=f"up to {MAX_DEPTH} levels")
        self._place(container, line)
        self._containers.append(container)
        self._keys.append(None)

    def _close(self) -> None:
        self._containers.pop()
        self._keys.pop()
        self._placed()
