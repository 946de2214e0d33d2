"""Where compiled kernels are kept: a folder named by the digest of everything that can change their bits.

numba's disk cache does not see edits in called functions or frozen globals, and dies of a damaged
file. Here the folder's name carries the digest of all sources, and every file its own checksum:
what does not match is compiled again, with one warning.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from platformdirs import user_cache_path

from npusim import spec
from npusim.kernels import isa

VARIABLE = "NPUSIM_CACHE_DIR"
"""The environment variable that names another parent folder."""

_CHECKSUM_BYTES = 32


class CacheWarning(UserWarning):
    """The kernel cache could not be used as it was; kernels are compiled again."""


def digest() -> str:
    """The digest of everything that can change a kernel's bits."""
    hashed = hashlib.sha256()
    versions = (numba.__version__, llvmlite.__version__, sys.version)
    for part in (*versions, *sorted(isa.target_features()), isa.selected().value):
        hashed.update(f"{part}\0".encode())
    for root in (Path(__file__).parent, Path(spec.__file__).parent):
        for path in sorted(root.rglob("*.py")):
            hashed.update(f"{path.relative_to(root).as_posix()}\0".encode())
            hashed.update(hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()[:16]


class _Folder:
    """The cache folder of this process; warns once at most."""

    def __init__(self) -> None:
        self.digest = digest()
        self.warned = False
        self.path = self._open()

    def _open(self) -> Path:
        parent = os.environ.get(VARIABLE)
        path = (Path(parent) if parent else user_cache_path("npusim")) / f"kernels-{self.digest}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                return path
        except OSError as error:
            self.warn(f"the kernel cache {path} cannot be written ({error.strerror}); using a temporary one")
        temporary = Path(tempfile.mkdtemp(prefix="npusim-kernels-"))
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return temporary

    def warn(self, message: str) -> None:
        """Say what is wrong with the cache; once per process."""
        if not self.warned:
            self.warned = True
            warnings.warn(message, CacheWarning, stacklevel=2)


_FOLDER = _Folder()


def folder() -> Path:
    """The folder compiled kernels are kept in."""
    return _FOLDER.path


class _Locator:
    """numba's question where to cache, answered by the digest alone.

    The digest is the stamp as well: clones with equal sources share their kernels, and a fresh
    checkout's new file times do not throw them away.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., object], _file: str) -> _Locator:
        return cls(function)

    def ensure_cache_path(self) -> None:
        _FOLDER.path.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(_FOLDER.path)

    def get_source_stamp(self) -> str:
        return _FOLDER.digest

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Implementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)


class _CheckedFile(IndexDataCacheFile):  # type: ignore[misc]
    """numba's index and data files, each behind a checksum of its bytes."""

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, overloads = self._read(self._index_path)
        except FileNotFoundError:
            return {}
        except OSError:
            return {}
        return dict(overloads) if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name))

    def _save_data(self, name: str, data: object) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: object) -> None:
        data = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)

    def _read(self, path: str) -> Any:
        content = Path(path).read_bytes()
        checksum, data = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if hashlib.sha256(data).digest() != checksum:
            _FOLDER.warn(f"a file of the kernel cache {path} is damaged; compiling again")
            raise OSError(f"damaged cache file {path}")
        return pickle.loads(data)


class KernelCache(FunctionCache):  # type: ignore[misc]
    """One kernel's disk cache; whatever goes wrong with it costs a compilation, never a result."""

    _impl_class = _Implementation

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)
        self._cache_file = _CheckedFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_FOLDER.digest,
        )

    def save_overload(self, signature: object, data: object) -> None:
        """Keep a compiled kernel, if the folder lets us."""
        try:
            super().save_overload(signature, data)
        except OSError as error:
            _FOLDER.warn(f"the kernel cache {_FOLDER.path} cannot be written ({error.strerror})")
            self.disable()
