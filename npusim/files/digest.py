"""SHA-256 digests of arrays, files and bytes."""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError


def array_digest(array: npt.NDArray[Any]) -> str:
    """Digest of an array's dtype, shape and little-endian C-order bytes, in hexadecimal.

    The hashed text is the dtype (``<i4``), a blank, the shape (``3,4``), a line feed, the bytes:
    the same on every machine and for every memory layout.

    Examples
    --------
    >>> array_digest(np.arange(3, dtype=">i4")) == array_digest(np.arange(3, dtype="<i4"))
    True
    """
    dtype = array.dtype.newbyteorder("<")
    shape = ",".join(map(str, array.shape))
    digest = hashlib.sha256(f"{dtype.str} {shape}\n".encode("ascii"))
    digest.update(np.ascontiguousarray(array, dtype=dtype).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def bytes_digest(content: bytes) -> str:
    """Digest of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: str | PathLike[str]) -> str:
    """Digest of a file's bytes, in hexadecimal.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
