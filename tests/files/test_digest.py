"""Digests depend on dtype, shape and values, and on nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from npusim.errors import InputError
from npusim.files.digest import array_digest, bytes_digest, file_digest


def test_known_digest() -> None:
    content = b"<i2 2,2\n" + bytes([1, 0, 2, 0, 3, 0, 4, 0])
    assert array_digest(np.array([[1, 2], [3, 4]], dtype=np.int16)) == hashlib.sha256(content).hexdigest()


def test_layout_and_byte_order_do_not_count() -> None:
    array = np.arange(24, dtype=np.int32).reshape(4, 6)
    same = [array.astype(">i4"), np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2]]
    assert {array_digest(other) for other in same} == {array_digest(array)}


def test_dtype_shape_and_values_count() -> None:
    array = np.zeros(4, dtype=np.int32)
    others: list[npt.NDArray[Any]] = [
        array.view(np.uint32),
        array.reshape(2, 2),
        array.astype(np.int64),
        array + np.int32(1),
        array[:3],
    ]
    assert len({array_digest(other) for other in [array, *others]}) == 6


def test_scalar_and_empty_arrays() -> None:
    assert array_digest(np.array(3)) != array_digest(np.array([3]))
    assert len(array_digest(np.zeros((0, 3)))) == 64


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == bytes_digest(b"abc") == hashlib.sha256(b"abc").hexdigest()
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError):
            file_digest(path)
