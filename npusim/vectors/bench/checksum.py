"""What a bench computes over the words of a file, to know an edited one from the one that was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

FACTOR = 16777619
CHUNK_BITS = 32
_SPARE_BITS = 4
_MODULUS = 1 << CHUNK_BITS


def scan_bits(word_bits: int) -> int:
    """The width that benches read words in: whole chunks, and a digit more than a word needs."""
    return -(-(word_bits + _SPARE_BITS) // CHUNK_BITS) * CHUNK_BITS


def checksum(words: Iterable[int], word_bits: int) -> int:
    """``sum = sum * FACTOR + chunk + 1`` modulo 2**32, over the chunks of every word, lowest first.

    A change to any single chunk changes it, since the factor is odd.

    Examples
    --------
    >>> checksum([5], 8), checksum([5, 0], 8), checksum([0, 5], 8)
    (6, 100665715, 16777625)
    """
    chunks = np.fromiter(_chunks(words, scan_bits(word_bits)), np.uint32)
    return _sum(chunks)


def _chunks(words: Iterable[int], bits: int) -> Iterator[int]:
    for word in words:
        for place in range(0, bits, CHUNK_BITS):
            yield word >> place & (_MODULUS - 1)


def _sum(chunks: npt.NDArray[np.uint32]) -> int:
    """Horner's rule by the powers of the factor; numpy wraps modulo 2**32."""
    powers = np.full(len(chunks), FACTOR, np.uint32)
    powers[:1] = 1
    weights = np.multiply.accumulate(powers, dtype=np.uint32)[::-1]
    return int(((chunks + np.uint32(1)) * weights).sum(dtype=np.uint32))
