"""The command line: parses, calls the library, prints."""

from __future__ import annotations

import errno
import sys

from npusim.cli import pipes
from npusim.cli.app import app
from npusim.errors import NpusimError

INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C ended."""


def main() -> None:
    """Run ``npusim``; errors a user can cause become one message and an exit code."""
    before = pipes.output_place()
    try:
        status = _status()
        flushed = pipes.flushed()
    except BrokenPipeError:
        status, flushed = pipes.STATUS, False
        pipes.drop()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        pipes.drop()
        print(f"npusim: cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(NpusimError.exit_code)
    left = pipes.reader_left(before)
    sys.exit(status if flushed and not left else pipes.STATUS)


def _status() -> str | int | None:
    """Run the command; the exit code."""
    try:
        app(prog_name="npusim")
    except NpusimError as error:
        print(f"npusim: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as done:  # typer turns an interrupt into its exit code
        return _interrupted() if done.code == INTERRUPTED else done.code
    return 0


def _interrupted() -> int:
    print("npusim: interrupted; finished files are kept", file=sys.stderr)
    return INTERRUPTED
