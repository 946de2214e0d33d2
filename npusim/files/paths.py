"""Paths inside files: relative to the file's own folder, and never out of it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from npusim.errors import InputError

_ALLOWED = "a path inside the file's own folder, such as weights.h5"


def inside(folder: Path, relative: str) -> Path:
    """The path of `relative` in `folder`.

    Raises
    ------
    InputError
        Absolute paths, ``..``, and symbolic links that leave the folder.

    Examples
    --------
    >>> inside(Path("nets"), "data/weights.h5").as_posix()
    'nets/data/weights.h5'
    """
    pure = PurePosixPath(relative)
    if not relative or "\0" in relative or "\\" in relative:
        raise InputError("not a usable path", found=relative, allowed=_ALLOWED)
    if pure.is_absolute() or PureWindowsPath(relative).drive:
        raise InputError("absolute paths are not allowed", found=relative, allowed=_ALLOWED)
    if ".." in pure.parts:
        raise InputError("paths must not contain '..'", found=relative, allowed=_ALLOWED)
    path = folder / pure
    try:
        contained = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle, names too long
        contained = False
    if not contained:
        raise InputError("path leads out of its folder", found=relative, allowed=_ALLOWED)
    return path
