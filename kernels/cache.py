"""Where compiled kernels are kept: a folder named by the digest of everything that can change their bits.

numba's own disk cache does not see edits in called functions or frozen globals, and dies of a damaged
file. Here the folder's name carries the digest of all sources, and every file its own checksum: what
does not match is compiled again, with one warning.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import pickle
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import llvmlite
import numba
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from platformdirs import user_cache_path

from npusim import spec
from npusim.kernels import isa

VARIABLE = "NPUSIM_CACHE_DIR"
"""The environment variable that names another parent folder."""

_CHECKSUM_BYTES = 32

_LOGGER = logging.getLogger("npusim.kernels")
"""Says what is compiled: that takes seconds, once."""


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


class KernelCache:
    """One kernel's compiled signatures on disk, one checksummed file each; numba calls it.

    Whatever goes wrong with a file costs a compilation, never a result.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str:
        """The folder, for numba's statistics."""
        return str(_FOLDER.path)

    def load_overload(self, signature: object, target: Any) -> Any:
        """The compiled kernel for these argument types; None if it has to be compiled."""
        target.refresh()
        data = self._read(self._path(signature, target.codegen()))
        if data is None:
            _LOGGER.info("compiling kernels (only the first time): %s", self._name.rpartition(".")[2])
            return None
        rebuild: Any = CompileResult._rebuild
        return rebuild(target, *pickle.loads(data))

    def _read(self, path: Path) -> bytes | None:
        """A file's content; None if there is none, or none that can be trusted."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _FOLDER.warn(f"{path} of the kernel cache cannot be read ({error.strerror}); compiling again")
            return None
        checksum, data = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if hashlib.sha256(data).digest() != checksum:
            _FOLDER.warn(f"{path} of the kernel cache is damaged; compiling again")
            return None
        return data

    def save_overload(self, signature: object, compiled: Any) -> None:
        """Keep a compiled kernel if the folder lets us: whole or not at all."""
        serialize: Any = dumps
        data = serialize(compiled._reduce())
        path = self._path(signature, compiled.codegen)
        partial = path.with_name(f"{path.name}.{uuid4().hex}")
        try:
            partial.write_bytes(hashlib.sha256(data).digest() + data)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            _FOLDER.warn(f"the kernel cache {path.parent} cannot be written ({error.strerror})")

    def _path(self, signature: object, codegen: Any) -> Path:
        key = hashlib.sha256(f"{signature}{codegen.magic_tuple()}".encode()).hexdigest()[:16]
        return _FOLDER.path / f"{self._name}-{key}"
