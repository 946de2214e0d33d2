"""Whole-or-nothing writes: a file is complete under its name, or was never touched."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from filelock import FileLock, Timeout

from npusim.errors import InputError

LOCK_NAME = ".npusim.lock"


@contextmanager
def atomic_path(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`; on success it takes the name `path`, else it is removed.

    The file exists, empty, with the permissions the umask gives. A symbolic link keeps pointing
    where it points; its target is replaced.

    Raises
    ------
    InputError
        The folder is missing or not writable, `path` is a folder or device, the disk is full.
    """
    target = _writable(Path(path))
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp{target.suffix[:16]}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: str | PathLike[str]) -> None:
    """Raise InputError now rather than after long work if `path` cannot be written."""
    _writable(Path(path))


def _writable(path: Path) -> Path:
    """The real file behind `path`, after checks that give clearer messages than the system's."""
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise InputError("is a folder, not a file to write", file=path)
        if target.exists() and not target.is_file():
            raise InputError("is a device or pipe, not a file to write", file=path)
        if not target.parent.is_dir():
            raise InputError("cannot be written: its folder does not exist", file=path)
    except (OSError, ValueError) as error:
        raise InputError(f"not a usable path: {error}", file=path) from None
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: str | PathLike[str], content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    InputError
        As :func:`atomic_path`.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write a UTF-8 text file with line feeds, whole or not at all.

    Raises
    ------
    InputError
        As :func:`atomic_path`.
    """
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def output_folder(path: str | PathLike[str]) -> Iterator[Path]:
    """A folder for results, created where missing, held against other writers until the end.

    Raises
    ------
    InputError
        Another process (or another holder in this one) writes there, or it cannot be created.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK_NAME, timeout=0)
        lock.acquire()
    except Timeout:
        raise InputError("another npusim process is writing to this folder", file=path) from None
    except FileExistsError:
        raise InputError("is a file, not a folder", file=path) from None
    except (OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"cannot be used as an output folder: {error}", file=path) from None
    try:
        yield folder
    finally:
        lock.release()
