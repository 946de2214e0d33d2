"""Words of lanes: from integers to hexadecimal digits and back."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[Any]
"""Integers[words, lanes], int64; uint64 where codes are unsigned and 64 bits wide."""

_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_NOT_A_DIGIT = 255
_VALUES = np.full(256, _NOT_A_DIGIT, np.uint8)
_VALUES[_DIGITS] = np.arange(16)


def digit_count(bits: int, lanes: int) -> int:
    """Hexadecimal digits of a word of `lanes` codes of `bits` bits each."""
    return -(-bits * lanes // 4)


def word_type(bits: int, signed: bool) -> np.dtype[Any]:
    """The type that words of such codes have in memory."""
    return np.dtype(np.uint64 if bits == 64 and not signed else np.int64)


def to_digits(words: Words, bits: int) -> npt.NDArray[np.uint8]:
    """ASCII digits of words, most significant first; lane 0 stands in the least significant bits.

    Codes are cut to `bits` bits in two's complement; bits above the last lane are zero.

    Returns
    -------
    uint8[words, digits]

    Examples
    --------
    >>> bytes(to_digits(np.array([[1, -1], [-128, 127]]), 8)).decode()
    'ff017f80'
    """
    count, lanes = words.shape
    piece = gcd(bits, 4)
    shifts = np.arange(0, bits, piece, dtype=words.dtype)
    mask = words.dtype.type((1 << piece) - 1)
    pieces = ((words[:, :, None] >> shifts) & mask).astype(np.uint8).reshape(count, -1)
    digits, per_digit = digit_count(bits, lanes), 4 // piece
    padded = np.zeros((count, digits * per_digit), np.uint8)
    padded[:, : pieces.shape[1]] = pieces
    weights = (1 << piece * np.arange(per_digit)).astype(np.uint8)
    nibbles = (padded.reshape(count, digits, per_digit) * weights).sum(axis=2, dtype=np.uint8)
    text: npt.NDArray[np.uint8] = _DIGITS[nibbles[:, ::-1]]
    return text


def digit_values(text: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], int | None]:
    """The value of each ASCII digit, and the first row that holds something else."""
    values = _VALUES[text]
    wrong = (values == _NOT_A_DIGIT).any(axis=1)
    return values, int(wrong.argmax()) if wrong.any() else None


def from_digits(
    values: npt.NDArray[np.uint8], bits: int, lanes: int, signed: bool
) -> tuple[Words, int | None]:
    """Words from digit values (words, digits), and the first word with bits above its last lane.

    Examples
    --------
    >>> from_digits(np.array([[15, 15, 0, 1]], np.uint8), 8, 2, signed=True)[0]
    array([[ 1, -1]])
    """
    count = len(values)
    piece = gcd(bits, 4)
    parts = np.arange(0, 4, piece, dtype=np.uint8)
    pieces = ((values[:, ::-1, None] >> parts) & np.uint8((1 << piece) - 1)).reshape(
        count, values.shape[1] * len(parts)
    )
    used = bits * lanes // piece
    beyond = pieces[:, used:].any(axis=1)
    kind = word_type(bits, signed)
    shifts = np.arange(0, bits, piece, dtype=kind)
    words = (pieces[:, :used].reshape(count, lanes, len(shifts)).astype(kind) << shifts).sum(
        axis=2, dtype=kind
    )
    if signed and bits < 64:
        sign = kind.type(1 << (bits - 1))
        words = (words ^ sign) - sign
    return words, int(beyond.argmax()) if beyond.any() else None
