"""The command line: parses, calls the library, prints."""

from __future__ import annotations

import sys

from npusim.cli.app import app
from npusim.errors import NpusimError


def main() -> None:
    """Run ``npusim``; errors a user can cause become one message and an exit code."""
    try:
        sys.exit(app(prog_name="npusim"))
    except NpusimError as error:
        print(f"npusim: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("npusim: interrupted; finished results are kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
