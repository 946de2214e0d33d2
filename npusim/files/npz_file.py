"""npz files, read without pickle and without trusting sizes, written with fixed timestamps."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from npusim.errors import InputError
from npusim.files.atomic import atomic_path
from npusim.files.hdf5_names import DTYPES, MAX_DIMENSIONS, canonical, check_name

MAX_ARRAY_BYTES = 4 << 30
MAX_MEMBERS = 10_000

_MAX_HEADER = 10_000
_MAX_EXPANSION = 1100  # deflate cannot pack tighter than 1032 : 1
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int


class NpzReader:
    """Reads arrays from an npz file that may be damaged or hostile.

    Arrays are decompressed whole at first use and kept, since a zip member has no rows.

    Raises
    ------
    InputError
        Always naming the file, and the array as key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        with self._guard(None):
            self._zip = zipfile.ZipFile(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        try:
            self._list()
        except InputError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def names(self) -> list[str]:
        """Sorted names of the arrays."""
        return sorted(self._members)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, from its header."""
        return self._header(name).shape

    def dtype(self, name: str) -> np.dtype[Any]:
        """The element type of an array, from its header."""
        return self._header(name).dtype

    def read(self, name: str) -> npt.NDArray[Any]:
        """The whole array."""
        if name not in self._arrays:
            self._arrays[name] = self._load(name)
        return self._arrays[name]

    def read_rows(self, name: str, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows start..stop-1 of the leading axis."""
        return self.read(name)[start:stop]

    def _list(self) -> None:
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise InputError(
                "too many arrays", file=self.path, found=len(members), allowed=f"up to {MAX_MEMBERS}"
            )
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise InputError("array stands twice in the file", file=self.path, key=name)
            self._members[name] = member

    def _header(self, name: str) -> _Header:
        member = self._members[name]
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError("unknown compression", file=self.path, key=name, allowed="stored, deflate")
        with self._guard(name), self._zip.open(member) as stream:
            header = _read_header(stream)
        size = header.offset + math.prod(header.shape) * header.dtype.itemsize
        if size != member.file_size or size > MAX_ARRAY_BYTES:
            raise InputError(
                "size differs from what the header says", file=self.path, key=name, found=member.file_size
            )
        if size > _MAX_EXPANSION * max(member.compress_size, 1):
            raise InputError("the file does not hold the whole array", file=self.path, key=name)
        return header

    def _load(self, name: str) -> npt.NDArray[Any]:
        header = self._header(name)
        size = math.prod(header.shape) * header.dtype.itemsize
        with self._guard(name), self._zip.open(self._members[name]) as stream:
            stream.read(header.offset)
            content = stream.read(size)
            if len(content) != size or stream.read(1):
                raise InputError("the file does not hold the whole array", file=self.path, key=name)
        array = np.frombuffer(content, header.dtype)
        array = array.reshape(header.shape, order="F" if header.fortran else "C")
        return np.asarray(array, header.dtype.newbyteorder("<"), order="C")

    @contextmanager
    def _guard(self, name: str | None) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            raise error.at(file=self.path, key=name) from None
        except MemoryError:
            raise InputError("does not fit in memory", file=self.path, key=name) from None
        except Exception as error:  # noqa: BLE001 - zipfile and the npy parser raise many types over damage
            raise InputError(f"damaged npz file: {error}", file=self.path, key=name) from None


def _read_header(stream: IO[bytes]) -> _Header:
    start = io.BytesIO(stream.read(_MAX_HEADER + 12))
    version = np.lib.format.read_magic(start)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise InputError("unknown npy version", found=version, allowed="1.0, 2.0")
    shape, fortran, dtype = readers[version](start, max_header_size=_MAX_HEADER)
    if dtype.name not in DTYPES:
        raise InputError("wrong element type", found=dtype.name, allowed=", ".join(DTYPES))
    if len(shape) > MAX_DIMENSIONS or any(extent < 0 for extent in shape):
        raise InputError("wrong shape", found=shape)
    return _Header(shape, dtype, fortran, start.tell())


def write_npz(path: str | PathLike[str], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays to an uncompressed npz file, whole or not at all; same arrays, same bytes.

    Raises
    ------
    InputError
        Element types other than integers, float32 and float64; names; an unwritable path.
    """
    ready = {}
    for name in sorted(arrays):
        try:
            check_name(name)
            ready[name] = canonical(arrays[name])
        except InputError as error:
            raise error.at(file=path, key=name) from None
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in ready.items():
            member = zipfile.ZipInfo(f"{name}.npy", _FIRST_DATE)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
