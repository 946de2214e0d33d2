"""Dumps of RTL benches: words in ``.npy`` or in the hexadecimal text of $writememh."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def read_dump(path: Path, words: int, bits: int, *, signed: bool) -> npt.NDArray[np.int64]:
    """int64[words] from ``.npy`` or hexadecimal text.

    Raises
    ------
    InputError
        If it cannot be read, holds no integers, or another number of words.
    """
    if path.suffix == ".npy":
        try:
            found = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"cannot be read: {error}", file=path) from None
        if found.dtype.kind not in "iu":
            raise InputError("holds no integers", file=path, found=str(found.dtype))
        values: npt.NDArray[np.int64] = found.reshape(-1).astype(np.int64)
    else:
        values = _read_hex(path, bits, signed=signed)
    if values.size != words:
        raise InputError("holds another number of words", file=path, found=values.size, allowed=str(words))
    return values


def _read_hex(path: Path, bits: int, *, signed: bool) -> npt.NDArray[np.int64]:
    """What $writememh and RTL benches write: comments, addresses in order, words that may be unknown."""
    try:
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=path) from None
    text = _COMMENT.sub(lambda match: "\n" * match.group(0).count("\n"), text)
    values: list[int] = []
    mask, sign = (1 << bits) - 1, (1 << (bits - 1)) if signed else 0
    for number, line in enumerate(text.split("\n"), 1):
        for token in line.split():
            if token.startswith("@"):
                if int(token[1:], 16) != len(values):
                    raise InputError(
                        "words are missing before this address", file=path, line=number, found=token
                    )
                continue
            try:
                value = int(token.replace("_", ""), 16) & mask
            except ValueError:
                allowed = "hexadecimal digits; x and z are unknown values"
                raise InputError("no word", file=path, line=number, found=token, allowed=allowed) from None
            values.append((value ^ sign) - sign)
    return np.array(values, np.int64)
