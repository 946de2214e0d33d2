"""Input data: HDF5 or npz files with ``images``, ``inputs`` or ``features``, and perhaps ``labels``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.files.hdf5_file import ArrayReader, write_arrays
from npusim.files.npz_file import NpzReader, write_npz
from npusim.files.number_lists import first_not_finite

INPUT_NAMES = ("images", "inputs", "features")
LABELS_NAME = "labels"
DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float32", "float64")

Array = npt.NDArray[Any]


class _Reader(Protocol):
    """What HDF5 and npz readers have in common."""

    def names(self) -> list[str]: ...
    def shape(self, name: str) -> tuple[int, ...]: ...
    def dtype(self, name: str) -> np.dtype[Any]: ...
    def read(self, name: str) -> Array: ...
    def read_rows(self, name: str, start: int, stop: int) -> Array: ...
    def close(self) -> None: ...


class DataFile:
    """An open input data file; made by :func:`open_data`, used as a context manager.

    Attributes
    ----------
    path
        The file.
    name
        Which array holds the inputs: ``images``, ``inputs`` or ``features``.
    shape, dtype
        Of that array; the leading axis counts samples, images are NHWC.
    labels
        int64, shape (samples,), or None.
    """

    def __init__(self, path: Path, reader: _Reader) -> None:
        self.path = path
        self._reader = reader
        names = reader.names()
        self.name = self._input_name(names)
        self.shape = reader.shape(self.name)
        self.dtype = reader.dtype(self.name)
        self._check()
        self.labels = self._labels() if LABELS_NAME in names else None

    def __len__(self) -> int:
        return self.shape[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def read(self, start: int = 0, stop: int | None = None) -> Array:
        """Samples start..stop-1 (to the end by default), native byte order.

        Raises
        ------
        InputError
            No such samples; NaN or infinity among them, with its index; a damaged file.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start < stop <= len(self):
            raise self._error("no such samples", found=(start, stop), allowed=f"0..{len(self)}")
        rows = self._reader.read_rows(self.name, start, stop)
        index = first_not_finite(rows)
        if index is not None:
            place = [start + index[0], *index[1:]]
            raise self._error(f"not finite at index {place}", found=float(rows[index]))
        return rows.astype(rows.dtype.newbyteorder("="), copy=False)

    def batches(self, size: int) -> Iterator[Array]:
        """The samples in order, `size` at a time; the last batch may be shorter."""
        if size < 1:
            raise self._error("batch size must be positive", found=size)
        for start in range(0, len(self), size):
            yield self.read(start, min(start + size, len(self)))

    def _input_name(self, names: list[str]) -> str:
        present = [name for name in INPUT_NAMES if name in names]
        if len(present) != 1:
            problem = "no input array" if not present else "more than one input array"
            found = ", ".join(present or names) or None
            raise InputError(problem, file=self.path, found=found, allowed=f"one of {', '.join(INPUT_NAMES)}")
        return present[0]

    def _check(self) -> None:
        if self.dtype.name not in DTYPES:
            raise self._error("wrong element type", found=self.dtype.name, allowed=", ".join(DTYPES))
        if len(self.shape) < 2:
            raise self._error("wrong shape", found=list(self.shape), allowed="samples first, such as NHWC")
        if 0 in self.shape:
            raise self._error("there are no samples in it", found=list(self.shape))

    def _labels(self) -> npt.NDArray[np.int64]:
        shape, dtype = self._reader.shape(LABELS_NAME), self._reader.dtype(LABELS_NAME)
        if dtype.kind not in "iu":
            raise self._error("wrong element type", LABELS_NAME, found=dtype.name, allowed="integers")
        if shape != self.shape[:1]:
            allowed = f"[{self.shape[0]}], one for each of {self.name}"
            raise self._error("wrong shape", LABELS_NAME, found=list(shape), allowed=allowed)
        labels = self._reader.read(LABELS_NAME)
        if dtype == np.uint64 and int(labels.max()) >= 2**63:
            raise self._error("label beyond int64", LABELS_NAME, found=int(labels.max()))
        return labels.astype(np.int64)

    def _error(
        self, problem: str, name: str | None = None, *, found: object = None, allowed: str | None = None
    ) -> InputError:
        return InputError(problem, file=self.path, key=name or self.name, found=found, allowed=allowed)


def open_data(path: str | PathLike[str]) -> DataFile:
    """Open an input data file, ``.h5`` or ``.npz``, told apart by content.

    Raises
    ------
    InputError
        No or several input arrays, wrong types or shapes, labels that do not fit, no samples, a
        damaged or hostile file.
    """
    path = Path(path)
    reader: _Reader = NpzReader(path) if _starts_as_zip(path) else ArrayReader(path)
    try:
        return DataFile(path, reader)
    except BaseException:
        reader.close()
        raise


def save_data(path: str | PathLike[str], arrays: Mapping[str, Array]) -> None:
    """Write arrays to ``.h5`` or ``.npz``, whole or not at all; same arrays, same bytes.

    Raises
    ------
    InputError
        Another ending; element types other than integers, float32 and float64; an unwritable path.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".npz":
        write_npz(path, arrays)
    elif suffix in (".h5", ".hdf5"):
        write_arrays(path, arrays)
    else:
        raise InputError("unknown kind of file", file=path, found=suffix, allowed=".h5, .npz")


def _starts_as_zip(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(2) == b"PK"
    except (OSError, ValueError):
        return False  # the HDF5 reader says what is wrong with the path
