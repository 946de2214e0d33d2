"""HDF5 files that are filled row by row: results larger than memory, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any

import h5py
import numpy.typing as npt

from npusim.errors import InputError
from npusim.files.atomic import atomic_path
from npusim.files.hdf5_file import FORMAT
from npusim.files.hdf5_names import check_dtype, check_name

Array = npt.NDArray[Any]


class RowWriter:
    """Arrays of a known number of rows, written some rows at a time; made by :func:`row_writer`."""

    def __init__(self, file: Any, path: str | PathLike[str], rows: int) -> None:
        self._file, self._path, self._rows, self._written = file, path, rows, 0

    def append(self, arrays: Mapping[str, Array]) -> None:
        """Write the next rows of every array; the first call says which there are.

        Space is set aside in the order of names, so that the file's bytes do not depend on how rows are
        handed over.

        Raises
        ------
        InputError
            Other element types than :func:`write_arrays` takes, unusable names, a full disk.
        """
        if not self._written:
            for name in sorted(arrays):
                self._declare(name, arrays[name])
        count = len(next(iter(arrays.values()), ()))
        for name in sorted(arrays):
            self._file[name][self._written : self._written + count] = arrays[name]
        self._written += count

    def _declare(self, name: str, first: Array) -> None:
        try:
            check_name(name)
            dtype = check_dtype(first.dtype)
        except InputError as error:
            raise error.at(file=self._path, key=name) from None
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        shape = (self._rows, *first.shape[1:])
        try:
            self._file.create_dataset(name, shape, dtype, track_times=False, dcpl=properties)
        except (ValueError, TypeError) as error:  # one name is the group of another
            raise InputError(f"cannot be written: {error}", file=self._path, key=name) from None


@contextmanager
def row_writer(path: str | PathLike[str], rows: int) -> Iterator[RowWriter]:
    """A file to fill; it appears under its name when all is written, or never.

    Raises
    ------
    InputError
        All that :func:`atomic_path` refuses.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver=FORMAT, locking=False) as file:
        yield RowWriter(file, path, rows)
