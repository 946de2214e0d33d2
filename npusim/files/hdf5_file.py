"""HDF5 files: written plainly, read with suspicion.

The writer leaves out everything that varies (timestamps, attributes, creation order), so the
same arrays give the same bytes. The reader takes nothing on trust: links must be hard,
storage must be in the file, filters known, types numbers, and no array is allocated before its
size is known to be bounded and backed by bytes. Attributes are never touched: hostile ones
hang the C library.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt
from h5py import h5d, h5f, h5g, h5l, h5o, h5p, h5s, h5t, h5z

from npusim.errors import InputError
from npusim.files.atomic import atomic_path
from npusim.files.digest import array_digest
from npusim.files.hdf5_names import DTYPES, MAX_DIMENSIONS, canonical, check_name

MAX_ARRAY_BYTES = 4 << 30
MAX_OBJECTS = 100_000
MAX_GROUP_DEPTH = 16

FORMAT = ("v108", "v108")
"""The library versions whose file format is written."""
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_MAX_EXPANSION = 1100  # deflate cannot pack tighter than 1032 : 1
_NUMBERS = {
    name: [h5t.py_create(np.dtype(name).newbyteorder("<")), h5t.py_create(np.dtype(name).newbyteorder(">"))]
    for name in DTYPES
}


def write_arrays(path: str | PathLike[str], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays, whole or not at all; the same arrays give the same bytes.

    Parameters
    ----------
    arrays
        By name; ``/`` in a name makes groups. int8..int64, uint8..uint64, float32, float64.

    Raises
    ------
    InputError
        Other types, unusable names, and all that :func:`atomic_path` refuses.
    """
    ready = {}
    for name in sorted(arrays):
        try:
            check_name(name)
            ready[name] = canonical(arrays[name])
        except InputError as error:
            raise error.at(file=path, key=name) from None
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver=FORMAT, locking=False) as file:
        for name, array in ready.items():
            try:
                file.create_dataset(name, data=array, track_times=False)
            except (ValueError, TypeError) as error:  # one name is the group of another
                raise InputError(f"cannot be written: {error}", file=path, key=name) from None


class ArrayReader:
    """Reads arrays from an HDF5 file that may be damaged or hostile.

    Parameters
    ----------
    path
        The file. Use the reader as a context manager.

    Raises
    ------
    InputError
        Always naming the file, and the array as key: every way in which a file can be wrong.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._size = _size(self.path)
        with _guard(self.path, None, "not a readable HDF5 file"):
            access = h5p.create(h5p.FILE_ACCESS)
            access.set_fclose_degree(h5f.CLOSE_STRONG)
            access.set_file_locking(False, True)
            self._file = h5f.open(bytes(self.path), h5f.ACC_RDONLY, fapl=access)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with _guard(self.path, None, "cannot be closed"):
            if self._file.valid:
                self._file.close()

    def names(self) -> list[str]:
        """Sorted names of all datasets behind hard links, whatever their type."""
        found: list[str] = []
        with _guard(self.path, None, "damaged HDF5 file"):
            self._collect(h5g.open(self._file, b"/"), "", [0], found)
        return sorted(found)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array."""
        return self._open(name).shape

    def dtype(self, name: str) -> np.dtype[Any]:
        """The element type of an array, little-endian."""
        return self._open(name).dtype

    def read(
        self,
        name: str,
        shape: tuple[int, ...] | None = None,
        dtype: str | None = None,
        sha256: str | None = None,
        max_bytes: int = MAX_ARRAY_BYTES,
    ) -> npt.NDArray[Any]:
        """Read a whole array.

        Parameters
        ----------
        shape, dtype, sha256
            What the array must be, where known; the digest is :func:`array_digest`'s.
        max_bytes
            Refuse larger arrays, before allocating.

        Returns
        -------
        ndarray
            Little-endian, C order.
        """
        stored = self._open(name)
        if shape is not None and stored.shape != tuple(shape):
            raise self._error(name, "wrong shape", list(stored.shape), str(list(shape)))
        if dtype is not None and stored.dtype.name != dtype:
            raise self._error(name, "wrong element type", stored.dtype.name, dtype)
        array = self._load(name, stored, max_bytes)
        if sha256 is not None and array_digest(array) != sha256:
            raise self._error(name, "content differs from its sha256", array_digest(array), sha256)
        return array

    def read_rows(
        self, name: str, start: int, stop: int, max_bytes: int = MAX_ARRAY_BYTES
    ) -> npt.NDArray[Any]:
        """Read rows start..stop-1 of the leading axis."""
        stored = self._open(name)
        rows = stored.shape[0] if stored.shape else 0
        if not 0 <= start <= stop <= rows:
            raise self._error(name, "no such rows", (start, stop), f"0..{rows}")
        return self._load(name, stored, max_bytes, (start, stop))

    def _error(self, name: str, problem: str, found: object = None, allowed: str | None = None) -> InputError:
        return InputError(problem, file=self.path, key=name, found=found, allowed=allowed)

    def _collect(self, group: Any, prefix: str, visited: list[int], found: list[str]) -> None:
        """Add the datasets below a group; groups that hold themselves end in the bounds."""
        for raw in group:
            visited[0] += 1
            if visited[0] > MAX_OBJECTS or prefix.count("/") > MAX_GROUP_DEPTH:
                raise InputError("too many arrays or groups", file=self.path, allowed=f"up to {MAX_OBJECTS}")
            if group.links.get_info(raw).type != h5l.TYPE_HARD:
                continue
            name = prefix + raw.decode("utf-8")
            member = h5o.open(group, raw)
            if isinstance(member, h5d.DatasetID):
                found.append(name)
            elif isinstance(member, h5g.GroupID):
                self._collect(member, f"{name}/", visited, found)

    def _open(self, name: str) -> _Stored:
        try:
            parts = check_name(name)
        except InputError as error:
            raise error.at(file=self.path, key=name) from None
        with _guard(self.path, name, "damaged HDF5 array"):
            member: Any = self._file
            for part in parts:
                raw = part.encode("utf-8")
                if not isinstance(member, (h5f.FileID, h5g.GroupID)) or not member.links.exists(raw):
                    raise self._error(name, "no such array")
                if member.links.get_info(raw).type != h5l.TYPE_HARD:
                    raise self._error(name, "soft and external links are not allowed")
                member = h5o.open(member, raw)
            if not isinstance(member, h5d.DatasetID):
                raise self._error(name, "no such array")
            return _Stored(member)

    def _load(
        self, name: str, stored: _Stored, max_bytes: int, rows: tuple[int, int] | None = None
    ) -> npt.NDArray[Any]:
        shape = stored.shape if rows is None else (rows[1] - rows[0], *stored.shape[1:])
        with _guard(self.path, name, "cannot be read, the file may be truncated"):
            stored.check_backed(self._size, max_bytes)
            size = math.prod(shape) * stored.dtype.itemsize
            if size > max_bytes:
                raise self._error(name, "array too large", size, f"up to {max_bytes} bytes")
            array = np.empty(shape, stored.dtype)
            if array.size:
                stored.read_into(array, rows)
        return array


class _Stored:
    """A dataset that has passed the checks that need no reading."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.dtype = _number(dataset.get_type())
        space = dataset.get_space()
        if space.get_simple_extent_type() == h5s.NULL:
            raise InputError("the array has no content")
        self.shape: tuple[int, ...] = tuple(space.get_simple_extent_dims())
        if len(self.shape) > MAX_DIMENSIONS:
            raise InputError("too many dimensions", found=len(self.shape), allowed=f"up to {MAX_DIMENSIONS}")
        self._layout = dataset.get_create_plist()
        if self._layout.get_layout() == h5d.VIRTUAL or self._layout.get_external_count():
            raise InputError("virtual and external storage are not allowed")
        filters = {self._layout.get_filter(index)[0] for index in range(self._layout.get_nfilters())}
        if filters - _FILTERS:
            raise InputError("unknown filter", found=max(filters), allowed="gzip, shuffle, fletcher32")

    def check_backed(self, file_size: int, max_bytes: int) -> None:
        """Refuse arrays that claim more content than the bytes stored for them can hold."""
        size = math.prod(self.shape) * self.dtype.itemsize
        stored = self._dataset.get_storage_size() if size else 0
        chunked = self._layout.get_layout() == h5d.CHUNKED
        if chunked and math.prod(self._layout.get_chunk()) * self.dtype.itemsize > max_bytes:
            raise InputError("chunks too large", allowed=f"up to {max_bytes} bytes")
        expansion = _MAX_EXPANSION if chunked and self._layout.get_nfilters() else 1
        if stored > file_size or size > stored * expansion:
            raise InputError(
                "the file does not hold the whole array", found=f"{stored} bytes", allowed=f"{size} bytes"
            )

    def read_into(self, array: npt.NDArray[Any], rows: tuple[int, int] | None) -> None:
        if rows is None:
            self._dataset.read(h5s.ALL, h5s.ALL, array)
            return
        space = self._dataset.get_space()
        start = (rows[0],) + (0,) * (len(self.shape) - 1)
        space.select_hyperslab(start, array.shape)
        self._dataset.read(h5s.create_simple(array.shape), space, array)


def _number(kind: Any) -> np.dtype[Any]:
    """The dtype of an HDF5 type that is exactly one of ours, in either byte order."""
    for name, forms in _NUMBERS.items():
        if any(kind.equal(form) for form in forms):
            return np.dtype(name).newbyteorder("<")
    raise InputError("not an array of plain numbers", allowed=", ".join(DTYPES))


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise InputError("is a folder, not an HDF5 file", file=path)
        size = path.stat().st_size
    except FileNotFoundError:
        raise InputError("file not found", file=path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=path) from None
    if size == 0:
        raise InputError("the file is empty", file=path)
    if not path.is_file():
        raise InputError("not a regular file", file=path)
    return size


@contextmanager
def _guard(path: Path, name: str | None, problem: str) -> Iterator[None]:
    """Names file and array in every error."""
    try:
        yield
    except InputError as error:
        raise error.at(file=path, key=name) from None
    except MemoryError:
        raise InputError("does not fit in memory", file=path, key=name) from None
    except Exception as error:  # noqa: BLE001 - h5py raises nearly any type over a damaged file
        raise InputError(f"{problem}: {error}", file=path, key=name) from None
