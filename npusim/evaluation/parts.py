"""Finished pieces of an evaluation on disk, each under the digest of everything it depends on.

A piece that is found was computed from the same samples by the same program, network and code: nothing
has to be compared, and an interrupted evaluation goes on where it stopped.
"""

from __future__ import annotations

import platform
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np

import npusim
from npusim.errors import InputError
from npusim.evaluation.measures.base import Records
from npusim.files.digest import bytes_digest, file_digest
from npusim.files.npz_file import NpzReader, write_npz

_ROOMS = ("datapath", "evaluation", "files", "kernels", "layers", "spec", "steps")
"""Where answers come from. Compilers and importers are not among them: a program has its own digest."""


class Parts:
    """Records by digest in a folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"cannot be made: {error.strerror}", file=folder) from None

    def load(self, key: str) -> Records | None:
        """What was kept; None if nothing was, or if the file is damaged."""
        path = self._path(key)
        if path is None or not path.is_file():
            return None
        try:
            with closing(NpzReader(path)) as reader:
                return {name: reader.read(name) for name in reader.names()}
        except InputError:
            path.unlink(missing_ok=True)
            return None

    def save(self, key: str, records: Records) -> None:
        """Keep records, whole or not at all."""
        path = self._path(key)
        if path is not None:
            write_npz(path, records)

    def _path(self, key: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{key}.npz"


def digest_of(*parts: str) -> str:
    """One digest of several texts."""
    return bytes_digest("\0".join(parts).encode("utf-8"))[:32]


@cache
def code_digest() -> str:
    """The digest of the code that makes records, and of what computes in float."""
    root = Path(npusim.__file__).parent
    rooms = [path for room in _ROOMS for path in sorted((root / room).rglob("*.py"))]
    sources = [path.resolve() for path in (*sorted(root.glob("*.py")), *rooms)]
    return digest_of(np.__version__, platform.machine(), *map(file_digest, sources))
