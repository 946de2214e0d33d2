"""The user's cache folder: compiled kernels, float answers; what nobody used for long goes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from npusim.kernels import cache

FLOAT = "float"
UNUSED_DAYS = 90
_KERNELS = "kernels-"


def float_folder() -> Path | None:
    """Where float answers are kept; None if nothing can be written there."""
    path = cache.folder().parent / FLOAT
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK) and cache.folder().name.startswith(_KERNELS) else None


def prune(days: float = UNUSED_DAYS) -> list[Path]:
    """Remove kernels of other versions, and float answers, that nobody used for so many days.

    Safe beside other processes: a kernel folder first takes another name, under which nobody looks for
    it; a process that still held it compiles again. This process's own folder stays.

    Returns
    -------
    list of Path
        What is gone.
    """
    own = cache.folder()
    oldest = time.time() - days * 86400
    gone = []
    for folder in sorted(own.parent.glob(f"{_KERNELS}*")):
        other = folder != own and folder.is_dir() and not folder.is_symlink()
        if other and _last_use(folder) < oldest and _remove(folder):
            gone.append(folder)
    for file in sorted((own.parent / FLOAT).glob("*.npz")):
        if _last_use(file) < oldest:
            file.unlink(missing_ok=True)
            gone.append(file)
    return gone


def _last_use(path: Path) -> float:
    """When a file, or any file of a folder, was last written or read; listing a folder is no reading."""
    try:
        if path.is_dir():
            return max([path.stat().st_mtime, *map(_last_use, path.iterdir())])
        found = path.stat()
        return max(found.st_mtime, found.st_atime)
    except OSError:
        return time.time()  # somebody is at it


def _remove(folder: Path) -> bool:
    doomed = folder.with_name(f".pruned-{os.getpid()}-{folder.name}")
    try:
        folder.rename(doomed)
    except OSError:
        return False
    shutil.rmtree(doomed, ignore_errors=True)
    return True
