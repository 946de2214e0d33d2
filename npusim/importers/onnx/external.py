"""Weights that an ONNX model keeps in files beside it: never read outside the model's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from npusim.errors import InputError


def external_bytes(entries: Mapping[str, str], folder: Path) -> bytes:
    """The bytes that `location`, `offset` and `length` name.

    Raises
    ------
    InputError
        If the file is outside the folder, is not there, or is too short.
    """
    location = entries.get("location", "")
    path = (folder / location).resolve()
    if not location or not path.is_relative_to(folder.resolve()):
        raise InputError("external weights lie outside the model's folder", found=location)
    if not path.is_file():
        raise InputError("the file of external weights is missing", found=location)
    size = path.stat().st_size
    offset = _number(entries, "offset", 0)
    length = _number(entries, "length", max(size - offset, 0))
    if offset + length > size:
        raise InputError(
            f"the file of external weights {location} is too short",
            found=size,
            allowed=f"{offset + length} bytes",
        )
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _number(entries: Mapping[str, str], key: str, default: int) -> int:
    text = entries.get(key, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InputError(f"external weights have no usable {key}", found=text)
    return int(text)
