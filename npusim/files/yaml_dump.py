"""Writes YAML that people read and edit, and that :func:`parse_yaml` reads back exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from npusim.errors import InputError
from npusim.files.yaml_limits import MAX_DEPTH, MAX_KEY_LENGTH
from npusim.files.yaml_scalars import MAX_NUMBER_LENGTH, write_string

_WIDTH = 100
_SMALL_MAPPING = 4
_SMALL_MAPPING_WIDTH = 60
_SMALL_MATRIX = 64


def dump_yaml(data: Any) -> str:
    """JSON-like data as YAML text, the same text for the same data.

    Parameters
    ----------
    data
        Mappings with string keys, lists, tuples, strings, integers, finite floats, booleans, None.
        The order of keys is kept; floats read back bit for bit.

    Raises
    ------
    InputError
        Values that a YAML file here cannot hold: NaN, infinity, nesting beyond the limit.
    TypeError
        Anything that is not JSON-like.

    Examples
    --------
    >>> print(dump_yaml({"name": "no", "steps": [{"kind": "mac", "shift": [1, 2]}]}), end="")
    name: "no"
    steps:
    - kind: mac
      shift: [1, 2]
    """
    _check_depth(data, MAX_DEPTH)
    if isinstance(data, Mapping) and data:
        lines = _mapping(data, 0)
    elif isinstance(data, (list, tuple)) and not _is_flat(data):
        lines = _sequence(data, 0)
    else:
        lines = _value(data, 0)
    return "\n".join(lines).lstrip(" ") + "\n"


def _check_depth(data: Any, levels: int) -> None:
    if _is_scalar(data):
        return
    if levels == 0:
        raise InputError("nested too deeply", allowed=f"up to {MAX_DEPTH} levels")
    for item in data.values() if isinstance(data, Mapping) else data:
        _check_depth(item, levels - 1)


def _mapping(data: Mapping[str, Any], indent: int) -> list[str]:
    """The lines of a block mapping."""
    lines: list[str] = []
    for key, value in data.items():
        first, *rest = _value(value, indent, under_key=True)
        lines.append(f"{' ' * indent}{_key(key)}:{first}")
        lines += rest
    return lines


def _sequence(data: Sequence[Any], indent: int) -> list[str]:
    """The lines of a block list."""
    lines: list[str] = []
    for value in data:
        first, *rest = _value(value, indent)
        lines.append(f"{' ' * indent}-{first}")
        lines += rest
    return lines


def _value(value: Any, indent: int, *, under_key: bool = False) -> list[str]:
    """The lines of a value: the first goes behind ``key:`` or ``-``, the rest stand below."""
    if isinstance(value, Mapping):
        if _is_small(value):
            return [" " + _flow(value)]
        lines = _mapping(value, indent + 2)
        # behind a dash, the first key stands on the dash's own line
        return ["", *lines] if under_key else [" " + lines[0].lstrip(" "), *lines[1:]]
    if isinstance(value, (list, tuple)):
        if _is_flat(value):
            return _wrapped(value, indent + 2)
        if under_key:
            return ["", *_sequence(value, indent)]
        lines = _sequence(value, indent + 2)
        return [" " + lines[0].lstrip(" "), *lines[1:]]
    return [" " + _scalar(value)]


def _is_small(data: Mapping[str, Any]) -> bool:
    if not data:
        return True
    if len(data) > _SMALL_MAPPING or not all(_is_scalar(value) for value in data.values()):
        return False
    return len(_flow(data)) <= _SMALL_MAPPING_WIDTH


def _is_flat(data: Sequence[Any]) -> bool:
    """Lists of scalars, and small matrices of numbers, stand in one pair of brackets."""
    if all(_is_scalar(value) for value in data):
        return True
    return _count_numbers(data) <= _SMALL_MATRIX


def _count_numbers(data: Sequence[Any], depth: int = 0) -> int:
    """How many numbers a nested list holds; more than the limit when it holds anything else."""
    count = 0
    for value in data:
        if isinstance(value, (list, tuple)) and value and depth < 4:
            count += _count_numbers(value, depth + 1)
        elif isinstance(value, (int, float)):
            count += 1
        else:
            return _SMALL_MATRIX + 1
        if count > _SMALL_MATRIX:
            break
    return count


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (Mapping, list, tuple))


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _wrapped(data: Sequence[Any], indent: int) -> list[str]:
    """A flow list, broken between its items where lines grow long."""
    items = [f"{_flow(item)}," for item in data[:-1]] + [f"{_flow(item)}]" for item in data[-1:]]
    lines = [" ["]
    for item in items:
        if lines[-1].strip() not in ("", "[") and len(lines[-1]) + 1 + len(item) > _WIDTH:
            lines.append(" " * indent)
        lines[-1] += item if lines[-1].endswith(("[", "  ")) else f" {item}"
    if not items:
        lines[-1] += "]"
    return lines


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys must be strings, not {type(key).__name__}")
    text = _string(key)
    if len(text) > MAX_KEY_LENGTH:
        raise InputError("key too long", found=key, allowed=f"up to {MAX_KEY_LENGTH} characters")
    return text


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError("numbers must be finite", found=value)
        return float.__repr__(value)
    raise TypeError(f"cannot write a {type(value).__name__} as YAML")


def _integer(value: int) -> str:
    if value.bit_length() > 3 * MAX_NUMBER_LENGTH:
        raise InputError("integer too long", allowed=f"up to {MAX_NUMBER_LENGTH} characters")
    return int.__repr__(value)


def _string(text: str) -> str:
    try:
        return write_string(text)
    except ValueError as error:
        raise InputError(str(error), found=text) from None
