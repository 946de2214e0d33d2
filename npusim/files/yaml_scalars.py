"""What an unquoted YAML scalar means: the YAML 1.2 core schema, and nothing more.

YAML 1.1 reads ``no`` as false, ``1e-3`` as a string and ``1:20`` as 80. Here ``no`` is a
string, ``1e-3`` a number and ``1:20`` a string.
"""

from __future__ import annotations

import math
import re

MAX_NUMBER_LENGTH = 1000
"""Characters a number may have (Python itself stops reading integers at 4300 digits)."""

_CONSTANTS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_PREFIXED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_PLAIN = re.compile(r"(?:[A-Za-z_]|\.{0,2}/)[A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*\Z")
_YAML_1_1 = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}

Scalar = None | bool | int | float | str


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    Raises
    ------
    ValueError
        For numbers that are not finite in float64, or absurdly long.

    Examples
    --------
    >>> [resolve(text) for text in ("1e-3", "no", "0x1F", "0o17", "010", "true", "~", "1_0")]
    [0.001, 'no', 31, 15, 10, True, None, '1_0']
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.match(text):
        raise ValueError("numbers must be finite")
    if _INTEGER.match(text):
        return int(_short_enough(text))
    if _PREFIXED.match(text):
        return int(_short_enough(text), 0)
    if _FLOAT.match(text):
        value = float(_short_enough(text))
        if not math.isfinite(value):
            raise ValueError("number beyond the range of float64")
        return value
    return text


def _short_enough(text: str) -> str:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(f"number of more than {MAX_NUMBER_LENGTH} characters")
    return text


def write_string(text: str) -> str:
    """A string as YAML: plain where every YAML reader takes it for a string, else double-quoted.

    Raises
    ------
    ValueError
        For lone surrogates, which no encoding can write.

    Examples
    --------
    >>> [write_string(text) for text in ("conv1", "no", "1e3", "1.0", "a: b")]
    ['conv1', '"no"', '"1e3"', '"1.0"', '"a: b"']
    """
    if _PLAIN.match(text) and text.lower() not in _YAML_1_1:
        return text
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("text holds half of a surrogate pair")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
