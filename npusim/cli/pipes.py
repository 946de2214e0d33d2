"""What happens when the reader of our output goes away, as ``head`` does."""

from __future__ import annotations

import os
import sys

STATUS = 141
"""What a shell says of a program that a broken pipe ended: 128 and the signal's number."""

Place = tuple[int, int] | None


def output_place() -> Place:
    """Where standard output leads; None if it is closed."""
    try:
        found = os.fstat(1)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def reader_left(before: Place) -> bool:
    """Whether standard output has been given up since: typer puts a wrapper there, rich the null device."""
    return output_place() != before or type(sys.stdout).__name__ == "PacifyFlushWrapper"


def drop() -> None:
    """Give up standard output: what is still written goes nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def flushed() -> bool:
    """Whether all output found its reader; what did not is dropped, silently also when Python ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop()
        return False
    except ValueError:  # it was closed
        return True
    return True
