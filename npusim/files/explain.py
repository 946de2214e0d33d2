"""Turns pydantic's list of complaints into one error a user can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from npusim.errors import InputError
from npusim.files.schema_walk import allowed_keys, allowed_values

Location = tuple[str | int, ...]

_MISSING = object()
_PLACE = re.compile(r"([A-Za-z_]\w*(?:\.[\w+-]+|\[\d+\])*): ")
_KEY_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def dotted(location: Location) -> str:
    """A location as users write it.

    Examples
    --------
    >>> dotted(("layers", 3, "stride"))
    'layers[3].stride'
    """
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse_dotted(key: str) -> Location:
    """The location of a dotted key.

    Examples
    --------
    >>> parse_dotted("layers[3].stride")
    ('layers', 3, 'stride')
    """
    return tuple(int(match[2]) if match[2] else match[1] for match in _KEY_PART.finditer(key))


def explain(error: ValidationError, data: Any, model: type[BaseModel]) -> tuple[Location, InputError]:
    """The most telling complaint: its location in `data`, and an error with its key.

    A wrong `format` goes before everything else: it is another kind of file. Then unknown keys
    (they explain the missing one beside them); a missing key comes last; among equals the deepest
    and then the first wins.
    """
    complaints = [(locate(item, data), item) for item in error.errors(include_url=False)]
    location, chosen = min(complaints, key=lambda entry: (_urgency(*entry), -len(entry[0])))
    others = len({place for place, _ in complaints} - {location})
    location, problem = _describe(chosen, location, data, model)
    if others:
        problem.problem += f" (and {others} further problem{'s' if others > 1 else ''})"
    return location, problem


def closest(word: object, choices: list[str]) -> str:
    """``" (did you mean 'stride'?)"``, or nothing when no choice comes close."""
    matches = difflib.get_close_matches(str(word), choices, n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def locate(item: Any, data: Any) -> Location:
    """Where in `data` a complaint belongs.

    pydantic mixes names of union members into its locations. They are told from keys by
    trying: of all ways to drop parts of the location, the one that drops the fewest and ends
    at the very value pydantic complained about.
    """
    parts: Location = item["loc"]
    missing = item["type"] == "missing"
    walked = parts[:-1] if missing else parts
    fallback: Location = ()
    for location, value in sorted(_alignments(walked, data), key=lambda entry: -len(entry[0])):
        fallback = fallback or location
        if _same(value, item["input"]):
            fallback = location
            break
    return fallback + parts[-1:] if missing else fallback


def _same(value: Any, found: Any) -> bool:
    return type(value) is type(found) and bool(value == found)


def _alignments(parts: Location, data: Any) -> Iterator[tuple[Location, Any]]:
    if not parts:
        yield (), data
        return
    head, rest = parts[0], parts[1:]
    child = _child(data, head)
    if child is not _MISSING:
        for location, value in _alignments(rest, child):
            yield (head, *location), value
    yield from _alignments(rest, data)


def _child(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(part, _MISSING)
    if isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
        return data[part]
    return _MISSING


def _urgency(location: Location, item: Any) -> int:
    if location == ("format",) and item["type"] != "missing":
        return -1
    # a list whose only item is wrong is too short as well
    return {"extra_forbidden": 0, "missing": 2, "too_short": 3}.get(item["type"], 1)


def _describe(
    item: Any, location: Location, data: Any, model: type[BaseModel]
) -> tuple[Location, InputError]:
    """Location and error of one complaint."""
    kind, context, found = item["type"], item.get("ctx", {}), item["input"]
    if kind == "value_error":
        return _from_validator(context["error"], location, found)
    problem, allowed = _sentence(item["msg"])
    if kind == "extra_forbidden":
        keys = allowed_keys(model, data, location[:-1])
        problem = "unknown key" + closest(location[-1], keys)
        found, allowed = location[-1], ", ".join(keys) or None
    elif kind == "missing":
        what = "item" if isinstance(location[-1], int) else "key"
        problem, found, allowed = f"required {what} is missing", None, None
    elif kind == "union_tag_invalid":
        location += (_tag(context),)
        choices = _quoted(context["expected_tags"])
        problem, allowed = "unknown value" + closest(context["tag"], choices), ", ".join(choices)
        found = context["tag"]
    elif kind == "union_tag_not_found":
        location += (_tag(context),)
        values = allowed_values(model, data, location)
        problem, found, allowed = "required key is missing", None, ", ".join(values) or None
    elif kind in ("literal_error", "enum"):
        choices = _quoted(context["expected"])
        problem, allowed = "unknown value" + closest(found, choices), ", ".join(choices)
    show = shown(found) if kind not in ("missing", "union_tag_not_found") else None
    return location, InputError(problem, key=dotted(location) or None, found=show, allowed=allowed)


def _tag(context: Any) -> str:
    """The key that tells a union's members apart: pydantic gives the field's name and its alias."""
    return _quoted(context["discriminator"])[-1]


def _from_validator(error: Exception, location: Location, found: Any) -> tuple[Location, InputError]:
    """A ValueError raised by a validator.

    The place inside the value is told by an InputError behind it, or by how its message begins:
    ``mac.bias: 33 bits are ...``.
    """
    cause = error.__cause__
    if isinstance(cause, InputError):
        location += parse_dotted(cause.key or "")
        key = dotted(location) or None
        return location, InputError(cause.problem, key=key, found=cause.found, allowed=cause.allowed)
    problem, show = str(error), None if isinstance(found, (dict, list)) else shown(found)
    place = _PLACE.match(problem)
    if place is not None:
        location += parse_dotted(place[1])
        problem, show = problem[place.end() :], None
    return location, InputError(problem, key=dotted(location) or None, found=show)


def _sentence(message: str) -> tuple[str, str | None]:
    """Pydantic's "Input should be X" as problem and allowed."""
    start = "Input should be "
    if message.startswith(start):
        return "wrong value", message.removeprefix(start)
    return message[:1].lower() + message[1:], None


def _quoted(text: str) -> list[str]:
    """The words of pydantic's "'a', 'b' or 'c'"; numbers stand there without quotes."""
    return re.findall(r"'([^']*)'", text) or re.split(r", | or ", text)


class _Plain(str):
    """Text that an error shows without quotes."""

    def __repr__(self) -> str:
        return str(self)


def shown(value: Any) -> Any:
    """A found value for an InputError, which takes None for "nothing to show": a null is spelled out."""
    return _Plain("null") if value is None else value
