"""Files that grow word by word under temporary names, and take their own only when all are whole."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from npusim.errors import InputError
from npusim.files.atomic import atomic_path
from npusim.files.digest import file_digest
from npusim.vectors.formats import WordFormat
from npusim.vectors.stream import Stream
from npusim.vectors.words import Words

_BLOCK = 1 << 20
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class GrowingFiles:
    """Every file of a set; they take their names when `stack` is left.

    Files are opened anew for each block: sets have more files than a process may hold open.

    Parameters
    ----------
    streams
        By path in `folder`.
    """

    def __init__(
        self, folder: Path, words: WordFormat, streams: Mapping[str, Stream], stack: ExitStack
    ) -> None:
        self._folder, self._words, self._streams, self._stack = folder, words, streams, stack
        self._written = dict.fromkeys(streams, 0)
        self._digests: dict[str, Any] = {}
        self._temporary: dict[str, Path] = {}
        place = folder if words.archive is None else _scratch(folder, stack)
        for index, (path, stream) in enumerate(streams.items()):
            stack.enter_context(_subfolder((folder / path).parent))
            if words.archive is None:
                self._temporary[path] = stack.enter_context(atomic_path(folder / path))
            else:
                self._temporary[path] = place / f"{index}{words.suffix}"
            self._digests[path] = hashlib.sha256()
            self._append(path, words.header(stream))

    def add(self, path: str, words: Words) -> None:
        """Append words to a file."""
        self._written[path] += len(words)
        self._append(path, self._words.encode(self._streams[path], words))

    def finish(self) -> dict[str, str]:
        """The digest of every file, or of the archive it stands in; all of them complete."""
        for path, stream in self._streams.items():
            if self._written[path] != stream.words:
                raise AssertionError(f"{path}: {self._written[path]} words of {stream.words}")
            self._append(path, self._words.footer(stream))
        if self._words.archive is not None:
            return self._archives(self._words.archive)
        return {path: digest.hexdigest() for path, digest in self._digests.items()}

    def _append(self, path: str, content: bytes) -> None:
        with self._temporary[path].open("ab") as file:
            file.write(content)
        self._digests[path].update(content)

    def _archives(self, name: str) -> dict[str, str]:
        """One archive a folder, its members in order, without times: same words, same bytes."""
        members: dict[str, list[str]] = {}
        for path in self._streams:
            members.setdefault(Path(path).parent.as_posix(), []).append(path)
        digests: dict[str, str] = {}
        for folder, paths in members.items():
            target = self._stack.enter_context(atomic_path(self._folder / folder / name))
            with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
                for path in paths:
                    self._member(archive, path)
            digests |= dict.fromkeys(paths, file_digest(target))
        return digests

    def _member(self, archive: zipfile.ZipFile, path: str) -> None:
        info = zipfile.ZipInfo(Path(path).name, _LONG_AGO)
        info.create_system, info.external_attr = 3, 0o644 << 16
        with archive.open(info, "w", force_zip64=True) as member, self._temporary[path].open("rb") as file:
            shutil.copyfileobj(file, member, _BLOCK)


def _scratch(folder: Path, stack: ExitStack) -> Path:
    """A folder that goes away with what is in it."""
    place = Path(tempfile.mkdtemp(dir=folder, prefix=".npusim."))
    stack.callback(shutil.rmtree, place, ignore_errors=True)
    return place


@contextlib.contextmanager
def _subfolder(path: Path) -> Iterator[None]:
    """A folder that goes away again if nothing came to stand in it."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be used as a folder: {error.strerror}", file=path) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.rmdir()
