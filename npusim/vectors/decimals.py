"""Integers as decimal digits of a fixed width, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.spec.width import Width
from npusim.vectors.words import Words

Text = npt.NDArray[np.uint8]
"""ASCII characters; the last axis is a number's."""

_BLANK, _MINUS, _ZERO = (ord(character) for character in " -0")
_TEN = np.uint64(10)


def width_of(bits: int, signed: bool) -> int:
    """Characters of the longest number of so many bits.

    Examples
    --------
    >>> width_of(8, signed=True), width_of(16, signed=False)
    (4, 5)
    """
    register = Width(bits, signed)
    return max(len(str(register.low)), len(str(register.high)))


def to_decimals(words: Words, width: int) -> Text:
    """Numbers to the right of `width` characters each, blanks before them.

    Examples
    --------
    >>> to_decimals(np.array([7, -128]), 5).tobytes()
    b'    7 -128'
    """
    negative = words < 0
    plain = words.astype(np.uint64)
    rest = np.where(negative, ~plain + np.uint64(1), plain)
    text = np.full((*words.shape, width), _BLANK, np.uint8)
    for place in range(width - 1, -1, -1):
        first, more = place == width - 1, rest > 0
        text[..., place] = np.where(more | first, _ZERO + (rest % _TEN).astype(np.uint8), _BLANK)
        if not first:
            ended = negative & ~more & (text[..., place + 1] != _MINUS) & (text[..., place + 1] != _BLANK)
            text[..., place] = np.where(ended, _MINUS, text[..., place])
        rest = rest // _TEN
    return text


def from_decimals(text: Text, kind: np.dtype[Any]) -> tuple[Words, npt.NDArray[np.bool_]]:
    """Numbers of a type, and which of them were written otherwise than `to_decimals` does.

    Examples
    --------
    >>> from_decimals(np.frombuffer(b" -12 013", np.uint8).reshape(2, 4), np.dtype(np.int64))
    (array([-12,  13]), array([False,  True]))
    """
    digits = (text >= _ZERO) & (text < _ZERO + 10)
    values = np.where(digits, text - np.uint8(_ZERO), 0).astype(np.uint64)
    total = np.zeros(text.shape[:-1], np.uint64)
    for place in range(text.shape[-1]):
        total = total * _TEN + values[..., place]
    negative = (text == _MINUS).any(axis=-1)
    words = np.where(negative, ~total + np.uint64(1), total).astype(kind)
    return words, (to_decimals(words, text.shape[-1]) != text).any(axis=-1)
