"""Samples of an unknown device, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from npusim.errors import InputError
from npusim.files.hdf5_file import ArrayReader
from npusim.files.npz_file import NpzReader


def load_samples(path: Path) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an ``.npz`` or HDF5 file, by name.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if not path.is_file():
        raise InputError("no such file", file=path)
    reader = NpzReader(path) if path.suffix.lower() == ".npz" else ArrayReader(path)
    try:
        return {name: reader.read(name) for name in reader.names()}
    finally:
        reader.close()
